/** Business logic tested by sending messages and reading what comes out. */
import type { Entity, EntityClass, EntityClasses } from '@epicserver/runtime'
import { MemoryDisk } from '@epicserver/store-memory'
import { WALL_ORIGIN_MS } from '../host-clock.ts'
import { SeededRandom } from '../seeded-random.ts'
import { VirtualTime } from '../virtual-time.ts'
import { ScriptedEntity, type StateOf } from './scripted-entity.ts'

/** How an entity is scripted. */
export interface ScriptOptions<E> {
  /** Fields that are saved already when the script begins. */
  readonly state?: Partial<StateOf<E>>
  /** The class version of that state; the present one without it. */
  readonly stateVersion?: number
  /** The name of the entity's type; that of its class without it. */
  readonly type?: string
  /** Classes under the names that they have in the app, where those are not the classes' own. */
  readonly refs?: EntityClasses
  /** `held`: each save waits until `expectSave` lets it be done or fail. */
  readonly saves?: 'automatic' | 'held'
  /** The wall-clock time at the beginning: 2026-01-01 without it. */
  readonly now?: number | Date
  /** What `this.random()` returns; the same sequence in each script without it. */
  readonly random?: () => number
}

/**
 * Puts one entity under a script. It is the real class on a real node; everything else is what the test says.
 * @example
 * const player = script(Player, 'bob')
 * const turn = player.call('enterLevel', [barrel1, barrel2])
 * await turn.expectCall(barrel1, 'onHit').reply(true)
 * await turn.expectCall(barrel2, 'onHit').reply(false)
 * await turn.expectReply(undefined)
 * assert.equal(player.state.score, 1)
 */
export function script<E extends Entity>(
  entityClass: EntityClass<E>,
  id: string | number,
  options: ScriptOptions<E> = {},
): ScriptedEntity<E> {
  const type = options.type ?? entityClass.name
  const entities: EntityClasses = { ...options.refs, [type]: entityClass }
  return new ScriptedEntity<E>({
    type,
    id: String(id),
    entities,
    disk: new MemoryDisk(),
    time: new VirtualTime(),
    wallMs: Number(options.now ?? WALL_ORIGIN_MS),
    random: options.random ?? new SeededRandom(1).next,
    areSavesHeld: options.saves === 'held',
    ...(options.state && { initial: { state: options.state, version: options.stateVersion } }),
  })
}
