/** What the compiler must accept and refuse of the programming model. Compiling this file is the test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import { contract, defineApp, Entity, settings, type Pool, type Ref } from '@epicserver/runtime'

class Barrel extends Entity {
  team = 'Society for the prevention of cruelty to barrels'
  async onHit(): Promise<boolean> {
    return false
  }
  weight(): number {
    return 3
  }
}

class Player extends Entity {
  static override settings = settings<Player>({
    transient: ['pathCache'],
    indexes: ['score', ['team', 'score']],
    operations: {
      move: { oneWay: true, priority: 'low', reliability: 'unreliable', coalesce: 'latest' },
      trade: { atomic: true, idempotent: true, timeoutMs: 2000 },
    },
  })
  score = 0
  team = ''
  pathCache: number[] = []
  friend: Ref<Player> | null = null
  move(_x: number, _y: number): void {}
  async trade(_with: Ref<Player>, _amount: number): Promise<boolean> {
    return true
  }
  async enterLevel(barrels: readonly Ref<Barrel>[]): Promise<void> {
    for (const barrel of barrels) if (await barrel.onHit()) this.score += 1
  }
}

class Silent extends Entity {
  shout(): void {}
}

type Classes = { Player: typeof Player; Barrel: typeof Barrel }

// Never run: the compiler is what is tested.
export function accepted(pool: Pool<Classes>): void {
  expectTypeOf(pool.Player['bob']!).toEqualTypeOf<Ref<Player>>()
  expectTypeOf(pool.Barrel[3]!.onHit).returns.resolves.toEqualTypeOf<boolean>()
  expectTypeOf(pool.Player['bob']!.move).returns.toEqualTypeOf<void>()
  expectTypeOf(pool.singleton(Player)).toEqualTypeOf<Ref<Player>>()
  expectTypeOf(pool.ref(Barrel, 3)).toEqualTypeOf<Ref<Barrel>>()
  expectTypeOf(pool.create(Player, 'x', { score: 3 })).resolves.toEqualTypeOf<Ref<Player>>()
  void pool.Player['bob']!.enterLevel([pool.Barrel[1]!])
  void pool.Player['bob']!.trade(pool.Player['eve']!, 3)
}

export function refused(pool: Pool<Classes>): void {
  const bob = pool.Player['bob']!
  // @ts-expect-error a wrong argument
  void bob.trade(bob, 'three')
  // @ts-expect-error a barrel is no player
  void bob.trade(pool.Barrel[1]!, 3)
  // @ts-expect-error a field cannot be read from elsewhere
  const score: number = bob.score
  void score
  // @ts-expect-error a synchronous method is not an operation
  void pool.Barrel[1]!.weight()
  // @ts-expect-error what Entity itself has is not an operation
  void bob.save
  // @ts-expect-error no such class
  void pool.Monster
  // @ts-expect-error an initial field of another type
  void pool.create(Player, 'x', { score: 'three' })
  // @ts-expect-error an operation is not a field
  void pool.create(Player, 'x', { trade: 1 })
}

export function refusedSettings(): void {
  // @ts-expect-error a void operation must be listed as oneWay
  settings<Silent>({})
  // @ts-expect-error a void operation must be listed as oneWay
  settings<Silent>({ operations: { shout: { priority: 'low' } } })
  // @ts-expect-error no such operation
  settings<Player>({ operations: { move: { oneWay: true }, fly: {} } })
  // @ts-expect-error an operation with a reply cannot be one-way
  settings<Player>({ operations: { move: { oneWay: true }, trade: { oneWay: true } } })
  // @ts-expect-error no such field
  settings<Player>({ operations: { move: { oneWay: true } }, transient: ['nothing'] })
  // @ts-expect-error a class with void operations and without settings
  defineApp({ entities: { Silent } })
  // @ts-expect-error not an entity
  defineApp({ entities: { Date } })
  // @ts-expect-error a contract with void operations must list them
  contract<{ shout(): void }>('Shouter')
}

test('the programming model compiles as the design shows it', () => {
  const app = defineApp({
    entities: { Player, Barrel },
    async setup(pool) {
      await pool.Player['bob']!.enterLevel([pool.Barrel[0]!])
    },
  })
  interface Pinger {
    ping(depth: number): Promise<number>
  }
  const pinger = contract<Pinger>('DeepPinger')
  assert.equal(pinger.name, 'DeepPinger')
  assert.deepEqual(Object.keys(app.entities), ['Player', 'Barrel'])
})
