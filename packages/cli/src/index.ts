/** The `epic` command as a program, for those who embed it, and an app that runs under it. */
export { runCommandLine } from './command-line.ts'
export { createProgram } from './program.ts'
export { exitCodeFor } from './exit-codes.ts'
export { RunningApp } from './running-app.ts'
export type { NodeStatus, ProcessEnd, RunningAppOptions } from './running-app.ts'
