/** Where a server runs: on this machine's loopback, or on a host of a network that a test made. */
export interface ServerPlace {
  readonly host: string
  /** Put before a command, runs it there. */
  readonly command: readonly string[]
}

export const LOOPBACK: ServerPlace = { host: '127.0.0.1', command: [] }

/** The host as it stands in an address. */
export function hostIn({ host }: ServerPlace): string {
  return host.includes(':') ? `[${host}]` : host
}

/** A command with its arguments, as it is started there. */
export function commandAt(
  place: ServerPlace,
  program: string,
  args: readonly string[],
): { readonly command: string; readonly args: string[] } {
  const [command = program, ...rest] = [...place.command, program, ...args]
  return { command, args: rest }
}
