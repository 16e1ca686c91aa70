extension InMemoryDatabase {
    /// Something wrong on purpose: a suite that passes with any of these has not looked.
    public struct Defect: OptionSet, Sendable, Hashable {
        /// One bit for each.
        public let rawValue: UInt64

        /// The defects of some bits.
        public init(rawValue: UInt64) { self.rawValue = rawValue }

        // MARK: Tenants

        /// Reads by key find every tenant's records.
        public static let ignoresTenantOnRead = Defect(rawValue: 1 << 0)
        /// Select statements find every tenant's records.
        public static let ignoresTenantOnSelect = Defect(rawValue: 1 << 1)
        /// Aggregates are over every tenant's records.
        public static let ignoresTenantOnAggregate = Defect(rawValue: 1 << 2)
        /// Searches find every tenant's records.
        public static let ignoresTenantOnSearch = Defect(rawValue: 1 << 3)
        /// Streams carry every tenant's records.
        public static let ignoresTenantOnStream = Defect(rawValue: 1 << 4)
        /// Updates by key change another tenant's record if the tenant has none.
        public static let ignoresTenantOnUpdate = Defect(rawValue: 1 << 5)
        /// Updates by filter change every tenant's records.
        public static let ignoresTenantOnUpdateMatching = Defect(rawValue: 1 << 6)
        /// An upsert replaces another tenant's record of that key.
        public static let ignoresTenantOnUpsert = Defect(rawValue: 1 << 7)
        /// Removals by key remove every tenant's record of that key.
        public static let ignoresTenantOnDelete = Defect(rawValue: 1 << 8)
        /// Removals by filter remove every tenant's records.
        public static let ignoresTenantOnDeleteMatching = Defect(rawValue: 1 << 9)
        /// The removal of a tenant's data removes everyone's.
        public static let ignoresTenantOnRemoveAllData = Defect(rawValue: 1 << 10)
        /// Statements in a transaction that look for records find every tenant's.
        public static let ignoresTenantInTransaction = Defect(rawValue: 1 << 11)
        /// A transaction serves whatever tenant a call names.
        public static let servesAnyTenantInTransaction = Defect(rawValue: 1 << 12)
        /// Keys and unique values collide with other tenants'.
        public static let uniqueAcrossTenants = Defect(rawValue: 1 << 13)

        // MARK: Sameness

        /// Records without a value come first.
        public static let sortsNullsFirst = Defect(rawValue: 1 << 14)
        /// A comparison never holds for a record without a value, as in SQL.
        public static let takesNullForUnknown = Defect(rawValue: 1 << 15)
        /// Versions are counted and never compared.
        public static let ignoresVersions = Defect(rawValue: 1 << 16)
        /// What an atomic statement did before it failed stays.
        public static let keepsFailedWrites = Defect(rawValue: 1 << 17)
        /// What a transaction did before it failed stays.
        public static let keepsRolledBackWrites = Defect(rawValue: 1 << 18)
        /// A transaction can be used after its end.
        public static let staysOpenAfterTransaction = Defect(rawValue: 1 << 19)
        /// Unique constraints are not kept.
        public static let ignoresUnique = Defect(rawValue: 1 << 20)
        /// Limits are exceeded by one.
        public static let returnsOneTooMany = Defect(rawValue: 1 << 21)

        /// Where a page begins is not minded: each is the first.
        public static let ignoresKeyset = Defect(rawValue: 1 << 22)
        /// Text is matched without regard to case, asked for or not.
        public static let alwaysIgnoresCase = Defect(rawValue: 1 << 23)
        /// Text is matched with regard to case, whatever is asked for.
        public static let neverIgnoresCase = Defect(rawValue: 1 << 24)
        /// `%` in a text that is looked for stands for any text, as in `LIKE`.
        public static let takesTextForPatterns = Defect(rawValue: 1 << 25)
        /// Text is sorted by its UTF-16 code units.
        public static let sortsByUTF16 = Defect(rawValue: 1 << 26)
        /// A stream ends with its last full batch.
        public static let dropsEndOfStream = Defect(rawValue: 1 << 27)
        /// A stream shows what is written while it is read.
        public static let streamsLaterWrites = Defect(rawValue: 1 << 28)

        /// The defects that break the isolation of tenants, each by itself.
        public static let isolation: [Defect] = (0...13).map { Defect(rawValue: 1 << $0) }
        /// The other defects, each by itself.
        public static let behaviour: [Defect] = (14...28).map { Defect(rawValue: 1 << $0) }
    }
}
