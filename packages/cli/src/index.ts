/** The `epic` command as a program, for those who embed it. */
export { createProgram } from './program.ts'
export { exitCodeFor } from './exit-codes.ts'
