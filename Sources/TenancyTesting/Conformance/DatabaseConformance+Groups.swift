extension DatabaseConformance {
    /// What adds each group's cases, in the order in which they are run.
    static let groups: [@Sendable (inout CaseList) -> Void] = [
        addTypeCases, addNullCases, addOperatorCases, addTextCases, addSortCases, addPageCases, addCursorCases,
        addAggregateCases, addWriteCases, addVersionCases, addUniqueCases, addChangeCases, addBulkCases,
        addTransactionCases, addAnomalyCases, addInterruptionCases, addStreamCases, addSearchCases,
        addValidationCases, addErrorCases, addRecordCases, addAdapterCases,
    ]
}
