/**
 * A suite that catches nothing proves nothing: each store here breaks one rule of the port, and some case must notice.
 *
 * The stores are the naive one behind promises, with one answer or one effect turned wrong.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  checkDueQuery,
  checkEntityId,
  checkGuard,
  checkIndexEntries,
  checkIndexName,
  checkIndexStatus,
  checkScan,
  checkWrite,
  EpicError,
  partitionOf,
} from '@epicserver/contracts'
import type {
  Claimed,
  DueQuery,
  EntityId,
  Guard,
  IndexEntry,
  IndexStatus,
  Scan,
  ScanPage,
  StateStore,
  StoredRecord,
  Task,
  Write,
} from '@epicserver/contracts'
import { claimCases } from '#src/state-store/claim-cases.ts'
import { concurrencyCases } from '#src/state-store/concurrency-cases.ts'
import { durabilityCases } from '#src/state-store/durability-cases.ts'
import { Ground, MissingFacility } from '#src/state-store/ground.ts'
import { indexCases } from '#src/state-store/index-cases.ts'
import { NaiveStore } from '#src/state-store/naive-store.ts'
import { pagingCases } from '#src/state-store/paging-cases.ts'
import { refusalCases } from '#src/state-store/refusal-cases.ts'
import { removeCases } from '#src/state-store/remove-cases.ts'
import { scanCases } from '#src/state-store/scan-cases.ts'
import { taskCases } from '#src/state-store/task-cases.ts'
import { writeCases } from '#src/state-store/write-cases.ts'

const allCases = Object.entries({
  ...claimCases,
  ...writeCases,
  ...refusalCases,
  ...removeCases,
  ...concurrencyCases,
  ...taskCases,
  ...scanCases,
  ...pagingCases,
  ...indexCases,
  ...durabilityCases,
  // The naive store looks at every record for every page; others show the same with less.
}).filter(([claim]) => !/thousand|16 MB|pages of any size/.test(claim))

/** The naive store behind promises: right, and slow. */
class PlainStore implements StateStore {
  readonly naive = new NaiveStore()
  #isClosed = false

  async claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
    checkEntityId(entity)
    checkGuard({ epoch, version: 0n })
    const { version, bytes } = this.open().claim(entity, epoch)
    return { version, bytes: bytes?.slice() ?? null }
  }

  async read(entity: EntityId): Promise<StoredRecord | null> {
    checkEntityId(entity)
    const record = this.open().read(entity)
    return record === null ? null : { ...record, bytes: record.bytes.slice() }
  }

  async write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
    checkEntityId(entity)
    checkGuard(guard)
    checkWrite(entity, write)
    const bytes = write.bytes?.slice()
    return this.open().write(entity, guard, bytes === undefined ? write : { ...write, bytes })
  }

  async remove(entity: EntityId, guard: Guard): Promise<bigint> {
    checkEntityId(entity)
    checkGuard(guard)
    return this.open().remove(entity, guard)
  }

  async due(query: DueQuery): Promise<Task[]> {
    checkDueQuery(query)
    return this.open()
      .tasks.filter(({ entity, dueMs }) => {
        return query.partitions.has(partitionOf(entity.type, entity.id)) && dueMs < query.beforeMs
      })
      .toSorted((a, b) => a.dueMs - b.dueMs)
      .slice(0, query.limit)
  }

  async scan(scan: Scan): Promise<ScanPage> {
    checkScan(scan)
    const rows = this.open().rows(scan.type, scan.index)
    const ordered = scan.reverse === true ? rows.toReversed() : rows
    const place = (row: { key: Uint8Array; entity: EntityId }): Buffer =>
      scan.index === undefined
        ? Buffer.from(row.entity.id)
        : Buffer.concat([row.key, Buffer.from(`\0${row.entity.id}`)])
    const bound = (row: { key: Uint8Array; entity: EntityId }): Uint8Array =>
      scan.index === undefined ? Buffer.from(row.entity.id) : row.key
    const direction = scan.reverse === true ? -1 : 1
    const wanted = ordered.filter((row) => {
      if (scan.from !== undefined && Buffer.compare(bound(row), scan.from) < 0) return false
      if (scan.to !== undefined && Buffer.compare(bound(row), scan.to) >= 0) return false
      if (scan.partitions?.has(partitionOf(row.entity.type, row.entity.id)) === false) return false
      return scan.after === undefined || Buffer.compare(place(row), scan.after) * direction > 0
    })
    const page = wanted.slice(0, scan.limit)
    const last = page.at(-1)
    return { rows: page, next: wanted.length > page.length && last ? place(last) : null }
  }

  async indexes(type?: string): Promise<IndexStatus[]> {
    return this.open().indexes.filter((status) => type === undefined || status.type === type)
  }

  async setIndex(status: IndexStatus): Promise<void> {
    checkIndexStatus(status)
    this.open().setIndex(status)
  }

  async dropIndex(type: string, index: string): Promise<void> {
    checkIndexName(type, index)
    this.open().dropIndex(type, index)
  }

  async reindex(
    entity: EntityId,
    version: bigint,
    indexes: readonly IndexEntry[],
  ): Promise<boolean> {
    checkEntityId(entity)
    checkIndexEntries(indexes)
    return this.open().reindex(entity, version, indexes)
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  protected open(): NaiveStore {
    if (this.#isClosed) throw new EpicError('Unavailable', 'Cannot use the store: it is closed')
    return this.naive
  }
}

/** The first claim that a store does not hold, if there is one. */
async function brokenClaim(make: () => StateStore): Promise<string | undefined> {
  for (const [claim, run] of allCases) {
    const store = make()
    try {
      await run(new Ground({ store, close: () => store.close() }))
    } catch (error) {
      if (!(error instanceof MissingFacility)) return claim
    }
  }
  return undefined
}

const highest = 0xffff_ffff_ffff_ffffn

const sabotages: Readonly<Record<string, () => StateStore>> = {
  'a claim does not raise the epoch': () =>
    new (class extends PlainStore {
      override async claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
        const before = (await this.read(entity))?.epoch ?? epoch
        return super.claim(entity, epoch < before ? epoch : before)
      }
    })(),
  'a claim is never refused': () =>
    new (class extends PlainStore {
      override claim(entity: EntityId, _epoch: bigint): Promise<Claimed> {
        return super.claim(entity, highest)
      }
    })(),
  'a claim of nothing leaves a record': () =>
    new (class extends PlainStore {
      override async claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
        const claimed = await super.claim(entity, epoch)
        if (claimed.version === 0n) this.naive.write(entity, { epoch, version: 0n }, {})
        return claimed
      }
    })(),
  'the version is not checked': () =>
    new (class extends PlainStore {
      override write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
        const version = this.naive.versionOf(entity)
        return super.write(entity, { ...guard, version }, write)
      }
    })(),
  'the epoch of a writer is not checked': () =>
    new (class extends PlainStore {
      override write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
        return super.write(entity, { ...guard, epoch: highest }, write)
      }
    })(),
  'a refused write sets its tasks all the same': () =>
    new (class extends PlainStore {
      override async write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
        try {
          return await super.write(entity, guard, write)
        } catch (error) {
          const version = this.naive.versionOf(entity)
          const { tasks = [] } = write
          if (version > 0n) this.naive.write(entity, { epoch: highest, version }, { tasks })
          throw error
        }
      }
    })(),
  'two writes at once do not see each other': () =>
    new (class extends PlainStore {
      override async write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
        const isFree = this.naive.versionOf(entity) === guard.version
        await Promise.resolve()
        const version = isFree ? this.naive.versionOf(entity) : guard.version
        return super.write(entity, { ...guard, version }, write)
      }
    })(),
  'state keeps the buffer of the caller': () =>
    new (class extends PlainStore {
      override async read(entity: EntityId): Promise<StoredRecord | null> {
        return this.naive.read(entity)
      }
    })(),
  'an empty state is none': () =>
    new (class extends PlainStore {
      override async claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
        const claimed = await super.claim(entity, epoch)
        return claimed.bytes?.byteLength === 0 ? { ...claimed, bytes: null } : claimed
      }
    })(),
  'a removal forgets the epoch': () =>
    new (class extends PlainStore {
      override async remove(entity: EntityId, guard: Guard): Promise<bigint> {
        return super.remove(entity, { ...guard, epoch: guard.epoch }).then((version) => {
          if (version > 0n) this.naive.claim(entity, guard.epoch)
          return version - 1n
        })
      }
    })(),
  'a removal leaves the tasks': () =>
    new (class extends PlainStore {
      override async remove(entity: EntityId, guard: Guard): Promise<bigint> {
        const tasks = this.naive.tasks.filter((task) => task.entity.id === entity.id)
        const version = await super.remove(entity, guard)
        const changes = tasks.map((task) => ({ kind: 'set', ...task }) as const)
        if (changes.length > 0) this.naive.write(entity, { ...guard, version }, { tasks: changes })
        return version
      }
    })(),
  'tasks come in any order': () =>
    new (class extends PlainStore {
      override async due(query: DueQuery): Promise<Task[]> {
        return (await super.due(query)).toReversed()
      }
    })(),
  'a task is due at its instant': () =>
    new (class extends PlainStore {
      override due(query: DueQuery): Promise<Task[]> {
        return super.due({ ...query, beforeMs: query.beforeMs + 1 })
      }
    })(),
  'asking for tasks takes them away': () =>
    new (class extends PlainStore {
      readonly #asked = new Set<string>()
      override async due(query: DueQuery): Promise<Task[]> {
        const tasks = await super.due(query)
        const fresh = tasks.filter((task) => !this.#asked.has(`${task.entity.id} ${task.key}`))
        for (const task of tasks) this.#asked.add(`${task.entity.id} ${task.key}`)
        return fresh
      }
    })(),
  'tasks of all partitions are told': () =>
    new (class extends PlainStore {
      override due(query: DueQuery): Promise<Task[]> {
        const partitions = new Set(Array.from({ length: 1024 }, (_, partition) => partition))
        return super.due({ ...query, partitions })
      }
    })(),
  'ids are ordered as JavaScript does': () =>
    new (class extends PlainStore {
      override async scan(scan: Scan): Promise<ScanPage> {
        const page = await super.scan(scan)
        if (scan.index !== undefined) return page
        const rows = page.rows.toSorted((a, b) => (a.entity.id < b.entity.id ? -1 : 1))
        return { ...page, rows }
      }
    })(),
  'the upper bound of a walk is included': () =>
    new (class extends PlainStore {
      override scan(scan: Scan): Promise<ScanPage> {
        const to = scan.to === undefined ? undefined : Buffer.concat([scan.to, Buffer.of(0)])
        return super.scan(to === undefined ? scan : { ...scan, to })
      }
    })(),
  'a page begins with the last row of the one before': () =>
    new (class extends PlainStore {
      override async scan(scan: Scan): Promise<ScanPage> {
        const page = await super.scan(scan)
        const last = page.next === null ? null : page.next.slice(0, -1)
        return { ...page, next: last }
      }
    })(),
  'a walk ends a page early': () =>
    new (class extends PlainStore {
      override async scan(scan: Scan): Promise<ScanPage> {
        const page = await super.scan(scan)
        return { ...page, next: scan.after === undefined ? page.next : null }
      }
    })(),
  'a walk in reverse goes forward': () =>
    new (class extends PlainStore {
      override scan(scan: Scan): Promise<ScanPage> {
        return super.scan({ ...scan, reverse: false })
      }
    })(),
  'old index entries stay': () =>
    new (class extends PlainStore {
      override async write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
        const old = this.naive
          .rows(entity.type, 'score')
          .filter((row) => row.entity.id === entity.id)
        const kept = old.map(({ key }) => ({ index: 'score', key }))
        const indexes = write.indexes === undefined ? undefined : [...kept, ...write.indexes]
        return super.write(entity, guard, indexes === undefined ? write : { ...write, indexes })
      }
    })(),
  'a write without index entries drops them': () =>
    new (class extends PlainStore {
      override write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
        return super.write(entity, guard, { indexes: [], ...write })
      }
    })(),
  'another definition keeps the entries': () =>
    new (class extends PlainStore {
      override async setIndex(status: IndexStatus): Promise<void> {
        const known = this.naive.indexes.find(({ type, index }) => {
          return type === status.type && index === status.index
        })
        if (known !== undefined) this.naive.setIndex({ ...known, status: status.status })
        else await super.setIndex(status)
      }
    })(),
  'reindexing does not look at the version': () =>
    new (class extends PlainStore {
      override reindex(
        entity: EntityId,
        _version: bigint,
        indexes: readonly IndexEntry[],
      ): Promise<boolean> {
        return super.reindex(entity, this.naive.versionOf(entity), indexes)
      }
    })(),
  'reindexing counts as a write': () =>
    new (class extends PlainStore {
      override async reindex(
        entity: EntityId,
        version: bigint,
        indexes: readonly IndexEntry[],
      ): Promise<boolean> {
        const isDone = await super.reindex(entity, version, indexes)
        if (isDone) this.naive.write(entity, { epoch: highest, version }, {})
        return isDone
      }
    })(),
  'a store that is closed goes on': () =>
    new (class extends PlainStore {
      override async close(): Promise<void> {
        // It stays open: that is the sabotage.
      }
    })(),
  'nothing is refused for its size': () =>
    new (class extends PlainStore {
      override async write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
        checkEntityId(entity)
        return this.open().write(entity, guard, write)
      }
    })(),
}

describe('state store suite: a store that holds the rules', () => {
  it('passes', async () => {
    assert.equal(await brokenClaim(() => new PlainStore()), undefined)
  })
})

describe('state store suite: a store that breaks one', () => {
  for (const [rule, make] of Object.entries(sabotages)) {
    it(`is caught: ${rule}`, async () => {
      assert.notEqual(await brokenClaim(make), undefined)
    })
  }
})
