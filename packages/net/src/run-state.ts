/**
 * The states of something that a runner drives, as a table.
 *
 * A runnable is *suspended* while it has nothing to do, waits for a promise, or is held by someone; *ready* while it waits for
 * its turn; *running* during it. `wake` says that there is something to do; `hold` and `release` are counted by the caller, and
 * only the first hold and the last release are events here.
 *
 * | state | wake | hold | release | start | finish | yield |
 * | --- | --- | --- | --- | --- | --- | --- |
 * | suspended | ready | suspended | ready | – | – | – |
 * | ready | ready | suspended | – | running | – | – |
 * | running | running | running | running | – | suspended | ready |
 *
 * `finish` is the end of a turn after which there is nothing to do, or that ended held; `yield` is one with more to do. A wake
 * that comes while it is held or running is remembered by the caller and given at the release or at the end of the turn.
 */

/** What a runnable is doing. */
export type RunState = 'suspended' | 'ready' | 'running'

/** What happens to a runnable. */
export type RunEvent = 'wake' | 'hold' | 'release' | 'start' | 'finish' | 'yield'

/** The whole machine; what is missing must not happen. */
export const RUN_TRANSITIONS: Readonly<
  Record<RunState, Readonly<Partial<Record<RunEvent, RunState>>>>
> = {
  suspended: { wake: 'ready', hold: 'suspended', release: 'ready' },
  ready: { wake: 'ready', hold: 'suspended', start: 'running' },
  running: {
    wake: 'running',
    hold: 'running',
    release: 'running',
    finish: 'suspended',
    yield: 'ready',
  },
}
