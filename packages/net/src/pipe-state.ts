/**
 * The states of a pipe, as a table.
 *
 * | state | listen | listening | failed | close | destroy | emptied |
 * | --- | --- | --- | --- | --- | --- | --- |
 * | idle | starting | – | – | closing | destroyed | idle |
 * | starting | – | listening | idle | closing | destroyed | starting |
 * | listening | – | – | – | closing | destroyed | listening |
 * | closing | – | closing | closing | closing | destroyed | closed |
 * | closed | – | closed | closed | closed | closed | closed |
 * | destroyed | – | destroyed | destroyed | destroyed | destroyed | destroyed |
 *
 * A pipe may connect while it is idle, starting or listening. `emptied`: its last channel is over, and so is its listening if
 * it is closing.
 */

/** What a pipe is doing. */
export type PipeState = 'idle' | 'starting' | 'listening' | 'closing' | 'closed' | 'destroyed'

/** What happens to a pipe. */
export type PipeEvent = 'listen' | 'listening' | 'failed' | 'close' | 'destroy' | 'emptied'

/** The whole machine; what is missing must not happen. */
export const PIPE_TRANSITIONS: Readonly<
  Record<PipeState, Readonly<Partial<Record<PipeEvent, PipeState>>>>
> = {
  idle: { listen: 'starting', close: 'closing', destroy: 'destroyed', emptied: 'idle' },
  starting: {
    listening: 'listening',
    failed: 'idle',
    close: 'closing',
    destroy: 'destroyed',
    emptied: 'starting',
  },
  listening: { close: 'closing', destroy: 'destroyed', emptied: 'listening' },
  closing: {
    listening: 'closing',
    failed: 'closing',
    close: 'closing',
    destroy: 'destroyed',
    emptied: 'closed',
  },
  closed: {
    listening: 'closed',
    failed: 'closed',
    close: 'closed',
    destroy: 'closed',
    emptied: 'closed',
  },
  destroyed: {
    listening: 'destroyed',
    failed: 'destroyed',
    close: 'destroyed',
    destroy: 'destroyed',
    emptied: 'destroyed',
  },
}

/** Whether connections may be made and accepted. */
export function isPipeOpen(state: PipeState): boolean {
  return state === 'idle' || state === 'starting' || state === 'listening'
}
