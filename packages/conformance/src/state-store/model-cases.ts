/**
 * Conformance of state stores: random histories against the naive store.
 *
 * A history is a list of steps; a step is one request, or several made at once. Requests for one entity are done in the order in
 * which they are made, so the naive store tells every answer beforehand. What a failing run prints replays it:
 * `EPIC_PROPERTY_SEED=<seed> npm test -- <file>`.
 */
import assert from 'node:assert/strict'
import { isEpicError } from '@epicserver/contracts'
import type { EntityId, StateStore, Write } from '@epicserver/contracts'
import fc from 'fast-check'
import { ALL_PARTITIONS, Ground, thing } from './ground.ts'
import type { StateCases } from './ground.ts'
import type { StateStoreHarness } from './harness.ts'
import { NaiveStore } from './naive-store.ts'

const types = ['Thing', 'Thin']
const entities = types.flatMap((type) =>
  ['a', 'a/', 'aa', 'b', 'é', '\uffff', '😀'].map((id) => thing(id, type)),
)
const indexNames = ['score', 'team']

const anyEntity = fc.constantFrom(...entities)
const anyEpoch = fc.bigInt({ min: 1n, max: 4n })
/** How far from the stored version the writer believes it to be; mostly right. */
const anyMistake = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0n) },
  { weight: 1, arbitrary: fc.constantFrom(-1n, 1n) },
)
const anyKey = fc.uint8Array({ maxLength: 3 }).map((bytes) => bytes.map((byte) => byte % 3))
const anyEntries = fc.array(fc.record({ index: fc.constantFrom(...indexNames), key: anyKey }), {
  maxLength: 4,
})
const anyTask = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    key: fc.constantFrom('ring', 'rings'),
    dueMs: fc.nat(20),
    body: fc.uint8Array({ maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('clear' as const), key: fc.constantFrom('ring', 'rings') }),
)
const anyBytes = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1_800, max: 6_000 }).map((n) => new Uint8Array(n).fill(n)),
  },
)
const anyWrite: fc.Arbitrary<Write> = fc.record(
  { bytes: anyBytes, indexes: anyEntries, tasks: fc.array(anyTask, { maxLength: 3 }) },
  { requiredKeys: [] },
)

const anyRequest = fc.oneof(
  fc.record({ kind: fc.constant('claim' as const), entity: anyEntity, epoch: anyEpoch }),
  fc.record({
    kind: fc.constant('write' as const),
    entity: anyEntity,
    epoch: anyEpoch,
    mistake: anyMistake,
    write: anyWrite,
  }),
  fc.record({
    kind: fc.constant('remove' as const),
    entity: anyEntity,
    epoch: anyEpoch,
    mistake: anyMistake,
  }),
  fc.record({
    kind: fc.constant('reindex' as const),
    entity: anyEntity,
    mistake: anyMistake,
    indexes: anyEntries,
  }),
)
const anyIndex = {
  type: fc.constantFrom(...types),
  index: fc.constantFrom(...indexNames),
}
const anyStep = fc.oneof(
  { weight: 10, arbitrary: fc.array(anyRequest, { minLength: 1, maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('setIndex' as const),
      ...anyIndex,
      definition: fc.constantFrom('one', 'two'),
      status: fc.constantFrom('building' as const, 'ready' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('dropIndex' as const), ...anyIndex }) },
)

type Request = typeof anyRequest extends fc.Arbitrary<infer T> ? T : never
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

/** Cases that open stores of their own, one for each history. */
export function modelCases(open: () => Promise<StateStoreHarness>): StateCases {
  const run = async (histories: number, isReopened: boolean): Promise<void> => {
    const history = fc.array(anyStep, { maxLength: 12 })
    const seed = process.env['EPIC_PROPERTY_SEED']
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const harness = await open()
        try {
          await play(new Ground(harness), steps, isReopened)
        } finally {
          await harness.close()
        }
      }),
      { numRuns: histories, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    )
  }
  return {
    'random histories give the answers, and leave the records, that the rules say': async () =>
      run(40, false),
    'random histories are the same when the store is opened anew between their steps': async (
      ground,
    ) => {
      await ground.reopen()
      await run(10, true)
    },
  }
}

async function play(ground: Ground, steps: readonly Step[], isReopened: boolean): Promise<void> {
  const naive = new NaiveStore()
  for (const step of steps) {
    const { store } = ground
    if (Array.isArray(step)) {
      const pairs = step.map((request) => answers(naive, store, request))
      for (const { expected, actual } of pairs) assert.deepEqual(await actual, expected)
    } else if (step.kind === 'setIndex') {
      const { kind: _kind, ...status } = step
      naive.setIndex(status)
      await store.setIndex(status)
    } else {
      naive.dropIndex(step.type, step.index)
      await store.dropIndex(step.type, step.index)
    }
    if (isReopened) await ground.reopen()
  }
  await compare(ground, naive)
}

/** What the rules answer to a request, and the answer that is on its way. */
function answers(
  naive: NaiveStore,
  store: StateStore,
  request: Request,
): { expected: unknown; actual: Promise<unknown> } {
  const version = (believed: { entity: EntityId; mistake: bigint }): bigint => {
    const right = naive.versionOf(believed.entity) + believed.mistake
    return right < 0n ? 0n : right
  }
  switch (request.kind) {
    case 'claim':
      return pair(
        () => naive.claim(request.entity, request.epoch),
        () => store.claim(request.entity, request.epoch),
      )
    case 'write': {
      const guard = { epoch: request.epoch, version: version(request) }
      return pair(
        () => naive.write(request.entity, guard, request.write),
        () => store.write(request.entity, guard, request.write),
      )
    }
    case 'remove': {
      const guard = { epoch: request.epoch, version: version(request) }
      return pair(
        () => naive.remove(request.entity, guard),
        () => store.remove(request.entity, guard),
      )
    }
    case 'reindex': {
      const at = version(request)
      return pair(
        () => naive.reindex(request.entity, at, request.indexes),
        () => store.reindex(request.entity, at, request.indexes),
      )
    }
  }
}

function pair(
  expected: () => unknown,
  actual: () => Promise<unknown>,
): { expected: unknown; actual: Promise<unknown> } {
  const codeOrThrow = (error: unknown): unknown => {
    if (isEpicError(error)) return error.code
    throw error
  }
  const answered = actual().then(plain, codeOrThrow)
  try {
    return { expected: plain(expected()), actual: answered }
  } catch (error) {
    return { expected: codeOrThrow(error), actual: answered }
  }
}

/** An answer without the class of its bytes: a Buffer equals a Uint8Array. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]))
}

async function compare(ground: Ground, naive: NaiveStore): Promise<void> {
  assert.deepEqual(await ground.store.indexes(), naive.indexes)
  for (const type of types) {
    for (const index of [undefined, ...indexNames]) {
      const walk = { type, ...(index === undefined ? {} : { index }) }
      const expected = plain(naive.rows(type, index))
      assert.deepEqual(plain(await ground.rows({ ...walk, page: 3 })), expected)
      const reverse = plain(await ground.rows({ ...walk, page: 4, reverse: true }))
      assert.deepEqual(reverse, plain(naive.rows(type, index).toReversed()))
    }
  }
  const query = { partitions: ALL_PARTITIONS, beforeMs: 1_000, limit: 1_000 }
  const tasks = await ground.store.due(query)
  const dues = tasks.map((task) => task.dueMs)
  assert.deepEqual(
    dues,
    dues.toSorted((a, b) => a - b),
  )
  const keyed = (list: typeof tasks): unknown[] =>
    list.map((task) => JSON.stringify(plain(task))).toSorted()
  assert.deepEqual(keyed(tasks), keyed(naive.tasks))
  await checkClaims(ground.store, naive)
}

/** Every epoch and version that is kept, seen through the claims that it allows and refuses. */
async function checkClaims(store: StateStore, naive: NaiveStore): Promise<void> {
  for (const entity of entities) {
    assert.deepEqual(plain(await store.read(entity)), plain(naive.read(entity)))
    for (const epoch of [1n, 2n, 3n, 4n]) {
      const { expected, actual } = pair(
        () => naive.claim(entity, epoch),
        () => store.claim(entity, epoch),
      )
      assert.deepEqual(await actual, expected)
    }
  }
}
