/** Running an app on a machine: the supervisor, its node processes, and asking them things. */
export type { EntityLine, EntityView } from './control-answers.ts'
export { askControl, ControlClient } from './control-client.ts'
export { SocketNetwork } from './socket-network.ts'
export type { SocketNetworkOptions } from './socket-network.ts'
export { runFolderFor } from './run-folder.ts'
export { Supervisor } from './supervisor.ts'
export type { SupervisorOptions } from './supervisor.ts'
export type { ControlAnswer, ControlRequest } from './supervisor-messages.ts'
