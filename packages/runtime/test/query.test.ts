import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Entity, settings } from '@epicserver/runtime'
import { buildIndexes } from '#src/queries/index-build.ts'
import { quiet, rig } from './rig.ts'

class Player extends Entity {
  static override settings = settings<Player>({ indexes: ['score', ['team', 'score']] })
  score = 0
  team = 'red'
  tags = new Set<string>()
  async become(team: string, score: number, tags: string[] = []): Promise<void> {
    this.team = team
    this.score = score
    this.tags = new Set(tags)
  }
}

async function filled(): Promise<ReturnType<typeof rig<{ Player: typeof Player }>>> {
  const made = rig({ Player })
  await buildIndexes(made.node)
  const rows: [string, string, number][] = [
    ['ann', 'red', 5],
    ['bob', 'blue', 7],
    ['cid', 'red', 9],
    ['dan', 'blue', 1],
    ['eve', 'red', 7],
  ]
  for (const [id, team, score] of rows)
    await made.pool.Player[id]!.become(team, score, score > 6 ? ['top'] : [])
  return made
}

const names = (refs: readonly unknown[]): string =>
  refs.map((ref) => String(ref).slice('Player/'.length)).join(' ')

test('query: conditions, order and limit', async () => {
  const { pool } = await filled()
  assert.equal(
    names(
      await pool
        .query(Player)
        .where((p) => p.score.gt(4))
        .orderBy((p) => p.score.desc()),
    ),
    'cid bob eve ann',
  )
  assert.equal(
    names(
      await pool
        .query(Player)
        .where((p) => p.team.eq('red').and(p.score.between(6, 9)))
        .orderBy((p) => p.score.asc())
        .take(1),
    ),
    'eve',
  )
  assert.equal(
    names(
      await pool
        .query(Player)
        .where((p) => p.team.eq('blue').or(p.score.eq(9)))
        .orderBy(
          (p) => p.team.asc(),
          (p) => p.score.desc(),
        ),
    ),
    'bob dan cid',
  )
  assert.equal(
    names(
      await pool
        .query(Player)
        .where((p) => p.score.in([1, 5]).not())
        .orderBy((p) => p.score.asc()),
    ),
    'bob eve cid',
  )
  assert.equal(
    names(
      await pool
        .query(Player)
        .where((p) => p.tags.contains('top'))
        .orderBy((p) => p.score.asc()),
    ),
    'bob eve cid',
  )
  assert.equal(
    await pool
      .query(Player)
      .where((p) => p.team.startsWith('bl'))
      .count(),
    2,
  )
})

test('query: projections carry the fields asked for and the ref', async () => {
  const { pool } = await filled()
  const rows = await pool
    .query(Player)
    .where((p) => p.score.eq(9))
    .select('team', 'score')
  assert.deepEqual(
    rows.map(({ team, score }) => ({ team, score })),
    [{ team: 'red', score: 9 }],
  )
  assert.equal(rows[0]!.ref, pool.Player['cid'])
})

test('explain says which index serves a query, and when none does', async () => {
  const { pool } = await filled()
  const both = await pool
    .query(Player)
    .where((p) => p.team.eq('red').and(p.score.gt(3)))
    .explain()
  assert.equal(both.index, 'team+score')
  assert.equal(
    (
      await pool
        .query(Player)
        .orderBy((p) => p.score.desc())
        .explain()
    ).index,
    'score',
  )
  const none = await pool
    .query(Player)
    .where((p) => p.tags.contains('top'))
    .explain()
  assert.equal(none.index, null)
  assert.match(none.why, /no declared index/)
})

class Unindexed extends Entity {
  score = 0
  team = ''
  async become(team: string, score: number): Promise<void> {
    this.team = team
    this.score = score
  }
}

test('an index that is declared later is built over old entities, and says so', async () => {
  const before = rig({ Player: Unindexed })
  for (let i = 0; i < 20; i += 1) await before.pool.Player[i]!.become('red', i)
  before.node.close()
  const after = rig({ Player }, { disk: before.disk, epoch: 2 })
  assert.equal(
    (
      await after.pool
        .query(Player)
        .where((p) => p.score.gt(15))
        .explain()
    ).index,
    null,
  )
  await buildIndexes(after.node)
  await quiet()
  assert.equal(
    (
      await after.pool
        .query(Player)
        .where((p) => p.score.gt(15))
        .explain()
    ).index,
    'score',
  )
  assert.equal(
    await after.pool
      .query(Player)
      .where((p) => p.score.gt(15))
      .count(),
    4,
  )
  assert.ok(after.log.some(({ message }) => message === 'indexes were built over old entities'))
})

test('property: with and without an index a query finds the same entities in the same order', async () => {
  const player = fc.record({
    team: fc.constantFrom('a', 'b', 'c'),
    score: fc.integer({ min: -3, max: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(player, { maxLength: 12 }),
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom('a', 'b'),
      async (players, low, team) => {
        const indexed = rig({ Player })
        await buildIndexes(indexed.node)
        const plain = rig({ Player: Unindexed })
        for (const [i, each] of players.entries()) {
          await indexed.pool.Player[i]!.become(each.team, each.score)
          await plain.pool.Player[i]!.become(each.team, each.score)
        }
        const found = await indexed.pool
          .query(Player)
          .where((p) => p.team.eq(team).and(p.score.gte(low)))
          .orderBy((p) => p.score.desc())
          .take(5)
        const expected = await plain.pool
          .query(Unindexed)
          .where((p) => p.team.eq(team).and(p.score.gte(low)))
          .orderBy((p) => p.score.desc())
          .take(5)
        assert.equal(names(found), names(expected))
        indexed.node.close()
        plain.node.close()
      },
    ),
    { numRuns: 40 },
  )
})
