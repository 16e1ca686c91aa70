@_exported public import TenancyCore
