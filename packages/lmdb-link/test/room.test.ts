import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { checkRoom, hasRoom } from '@epicserver/lmdb-link'

const EXBIBYTE = 2 ** 60
const nowhere = join(tmpdir(), 'epic-no-such-folder', 'shard')

describe('room for a commit', () => {
  it('is refused by name when the disk has less, and may safely be asked for again', () => {
    assert.throws(() => checkRoom(tmpdir(), { changes: 1, bytes: EXBIBYTE }), {
      code: 'StoreFull',
      retry: 'safe',
      message: /no space left on device \(\d+ bytes are free, a commit takes up to \d+\)/,
    })
  })

  it('counts the pages that a change copies, and not its bytes alone', () => {
    assert.throws(() => checkRoom(tmpdir(), { changes: EXBIBYTE, bytes: 0 }), { code: 'StoreFull' })
  })

  it('is not denied by a file system that cannot be asked', () => {
    checkRoom(nowhere, { changes: 1, bytes: EXBIBYTE })
    assert.equal(hasRoom(nowhere, EXBIBYTE), true)
    assert.equal(hasRoom(tmpdir(), EXBIBYTE), false)
  })
})
