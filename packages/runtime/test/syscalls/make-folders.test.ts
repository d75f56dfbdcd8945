/** Folders that are made with those above them. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { makeFolders } from '#src/syscalls/make-folders.ts'

const noProc = process.platform === 'linux' ? false : 'only Linux has /proc'

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'epic-folders-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

describe('folders that are made', () => {
  it('have those above them, and may be there already', async (t) => {
    const path = join(await temporaryFolder(t), 'a', 'b', 'c')
    await makeFolders(path, 0o700)
    await makeFolders(path, 0o700)
    assert.equal((await stat(path)).mode & 0o777, 0o700)
    assert.equal((await stat(join(path, '..'))).mode & 0o777, 0o700)
  })

  it('are none below a file', async (t) => {
    const file = join(await temporaryFolder(t), 'file')
    await writeFile(file, '')
    await assert.rejects(makeFolders(join(file, 'a', 'b')), { code: 'ENOTDIR' })
  })

  it('are none where the file system takes no new one', { skip: noProc }, async () => {
    await assert.rejects(makeFolders('/proc/epic/a/b'), { code: 'ENOENT' })
  })
})
