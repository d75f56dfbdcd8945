import process from 'node:process'

/** Where `net` writes what a person should know. Each line begins with what it is about, as `describe()` prints it. */
export interface Log {
  info(line: string): void
  warn(line: string): void
}

/** Warnings go where Node's own go (standard error, once per line of text); the rest is dropped. */
export const warningLog: Log = {
  info: () => {},
  warn: (line) => process.emitWarning(line, 'EpicNetWarning'),
}
