/**
 * What is tried on a bad disk, in a process of its own: it would show there as an unhandled rejection, a crash or a hang.
 *
 *     node disk-process.js acknowledge <path> <count>   writes one thing again and again; prints `ack <version>` or `refused <code>`
 *     node disk-process.js fill <path>                  fills the disk, waits for a line on stdin, and writes again
 */
import { writeSync } from 'node:fs'
import { once } from 'node:events'
import { isEpicError } from '@epicserver/contracts'
import { LmdbStateStore } from '@epicserver/store-lmdb'

const thing = { type: 'Thing', id: 'a' }

function say(...words: readonly unknown[]): void {
  writeSync(1, `${words.join(' ')}\n`)
}

function codeOf(error: unknown): string {
  return isEpicError(error) ? `${error.code} ${error.retry}` : String(error)
}

/** Writes until so many writes were tried; after an unknown outcome it claims anew, as the runtime does. */
async function acknowledge(path: string, count: number): Promise<void> {
  const store = await LmdbStateStore.open(path)
  let version = 0n
  for (let tried = 0; tried < count; tried += 1) {
    const bytes = Buffer.from(`state of version ${version + 1n}`)
    try {
      version = await store.write(thing, { epoch: 1n, version }, { bytes })
      say('ack', version)
    } catch (error) {
      say('refused', codeOf(error))
    }
  }
  await store.close().catch((error: unknown) => say('close', codeOf(error)))
}

async function fill(path: string): Promise<void> {
  const store = await LmdbStateStore.open(path)
  const saved: string[] = []
  let code = ''
  for (let i = 0; code === ''; i += 1) {
    const ids = [`${i}.0`, `${i}.1`, `${i}.2`]
    const write = async (id: string): Promise<void> => {
      await store.write(
        { type: 'Thing', id },
        { epoch: 1n, version: 0n },
        { bytes: Buffer.alloc(20_000, 7) },
      )
      saved.push(id)
    }
    const outcomes = await Promise.allSettled(ids.map((id) => write(id)))
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')
    if (refused !== undefined) code = codeOf(refused.reason)
  }
  say('filled', code, saved.length)
  say('readable', await countReadable(store, saved))
  const again = store.write(thing, { epoch: 1n, version: 0n }, { bytes: Buffer.alloc(200_000) })
  say('again', await again.then(() => 'written', codeOf))
  process.stdin.resume()
  await once(process.stdin, 'data')
  process.stdin.pause()
  const later = store.write(thing, { epoch: 1n, version: 0n }, { bytes: Buffer.alloc(200_000) })
  say('later', await later.then(() => 'written', codeOf))
  await store.close()
  const reopened = await LmdbStateStore.open(path)
  say('reopened', await countReadable(reopened, saved))
  await reopened.close()
}

async function countReadable(store: LmdbStateStore, ids: readonly string[]): Promise<number> {
  let count = 0
  for (const id of ids) {
    const bytes = (await store.read({ type: 'Thing', id }))?.bytes
    if (bytes?.every((byte) => byte === 7) === true) count += 1
  }
  return count
}

const [, , what, path = '', count = '0'] = process.argv
if (what === 'acknowledge') await acknowledge(path, Number(count))
if (what === 'fill') await fill(path)
