import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import { inspectSocketPath } from '#src/socket-path.ts'

/** A folder of our own that goes with the test. */
function folderFor(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'net-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function assertUnsafe(path: string, found: RegExp): void {
  assert.throws(
    () => inspectSocketPath(path),
    (error) => isEpicError(error) && error.code === 'DataFolderUnsafe' && found.test(error.message),
  )
}

const cannotGiveAway =
  process.getuid?.() === 0 ? false : 'only root can give a folder to another user'

describe('socket path (checklist 4)', () => {
  it('in a folder of ours may be used', (context) => {
    assert.equal(inspectSocketPath(join(folderFor(context), 's')), 'nothing')
  })

  it('that is a link, or no socket, is refused', (context) => {
    const folder = folderFor(context)
    writeFileSync(join(folder, 'file'), '')
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'))
    assertUnsafe(join(folder, 'link'), /it is a link/)
    assertUnsafe(join(folder, 'file'), /it is no socket/)
  })

  it('in a folder that is a link, or that is not there, is refused', (context) => {
    const folder = folderFor(context)
    mkdirSync(join(folder, 'real'))
    symlinkSync(join(folder, 'real'), join(folder, 'link'))
    assertUnsafe(join(folder, 'link', 's'), /is a link, or no folder/)
    assertUnsafe(join(folder, 'none', 's'), /there is no folder/)
  })

  it('in a folder that others may write to is refused', (context) => {
    const folder = folderFor(context)
    chmodSync(folder, 0o777)
    assertUnsafe(join(folder, 's'), /others may write to .* \(mode 777\)/)
  })

  it('in a folder of another user is refused', { skip: cannotGiveAway }, (context) => {
    const folder = folderFor(context)
    chownSync(folder, 65_534, 65_534)
    assertUnsafe(join(folder, 's'), /belongs to user 65534/)
  })

  it('that no system can hold is refused', () => {
    assert.throws(
      () => inspectSocketPath(`/tmp/${'x'.repeat(104)}`),
      (error) => isEpicError(error) && error.code === 'SettingsInvalid',
    )
  })
})
