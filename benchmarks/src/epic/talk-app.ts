// The app of the bench `locality`: talkers, each of which calls another one as often as it can.

import { defineApp, Entity, settings } from '@epicserver/runtime'

export class Talker extends Entity {
  static override settings = settings<Talker>({ persistent: false })

  async hear(): Promise<number> {
    return 1
  }

  /** Calls another one, again and again, for a while; says how often it answered. */
  async talk(other: string, durationMs: number): Promise<number> {
    const there = this.ref(Talker, other)
    const endAt = performance.now() + durationMs
    let answers = 0
    while (performance.now() < endAt) answers += await there.hear()
    return answers
  }

  async where(): Promise<number> {
    return process.pid
  }
}

export default defineApp({ entities: { Talker } })
