/** A store that a test holds up, or makes fail. */
import type { EpicError, StateStore } from '@epicserver/contracts'
import { quiet } from './rig.ts'

export interface GatedStore {
  readonly wrap: (store: StateStore) => StateStore
  /** Lets what waits be done. */
  open(): Promise<void>
  readonly waiting: number
  fail: EpicError | undefined
  writes: number
}

/** A store whose writes and removals, or what else is named, wait until the test lets them be done, or fail. */
export function gatedStore(
  isGated = true,
  names: readonly PropertyKey[] = ['write', 'remove'],
): GatedStore {
  let release: (() => void)[] = []
  const gated: GatedStore = {
    fail: undefined,
    writes: 0,
    get waiting() {
      return release.length
    },
    open: async () => {
      const now = release
      release = []
      for (const each of now) each()
      await quiet()
    },
    wrap: (store) =>
      new Proxy(store, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name)
          if (typeof member !== 'function') return member
          const method = member.bind(target) as (...args: unknown[]) => Promise<unknown>
          if (!names.includes(name)) return method
          return async (...args: unknown[]) => {
            gated.writes += 1
            if (isGated) await new Promise<void>((resolve) => release.push(resolve))
            if (gated.fail !== undefined) throw gated.fail
            return await method(...args)
          }
        },
      }),
  }
  return gated
}
