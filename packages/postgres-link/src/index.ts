/** What the providers on PostgreSQL share: the way to a database, and what its failures mean. */
export { withDeadline } from './answer-deadline.ts'
export { encryptionOf } from './encryption.ts'
export type { Encryption, TlsOptions } from './encryption.ts'
export { codeOf, meaningOf, messageOf, refusalFrom } from './failure.ts'
export type { Meaning } from './failure.ts'
export { hostsOf } from './hosts.ts'
export type { Hosts } from './hosts.ts'
export { checkSchemaName } from './schema-name.ts'
