/** Files stay in their folder (checklist 29). */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { FolderFiles } from '#src/syscalls/folder-files.ts'
import type { FileSyscall } from '#src/syscalls/files.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (found: unknown): string => new TextDecoder().decode(found as Uint8Array)

/** A root for files, beside a folder with a secret. */
async function ground(
  t: TestContext,
): Promise<{ readonly root: string; readonly outside: string; readonly files: FolderFiles }> {
  const folder = await mkdtemp(join(tmpdir(), 'epic-files-'))
  t.after(() => rm(folder, { recursive: true }))
  const [root, outside] = [join(folder, 'files'), join(folder, 'files-of-others')]
  await mkdir(root)
  await mkdir(outside)
  await writeFile(join(outside, 'secret'), 'secret')
  return { root, outside, files: new FolderFiles(root) }
}

const everything = (path: string): FileSyscall[] => [
  { kind: 'file.read', path },
  { kind: 'file.write', path, data: bytes('x') },
  { kind: 'file.write', path, data: bytes('x'), offset: 0 },
  { kind: 'file.append', path, data: bytes('x') },
  { kind: 'file.stat', path },
  { kind: 'file.list', path },
  { kind: 'file.remove', path },
]

describe('files in a folder', () => {
  it('are written, read in parts, added to, listed and removed', async (t) => {
    const { files } = await ground(t)
    await files.perform({ kind: 'file.write', path: 'deep/er/a', data: bytes('hello') })
    await files.perform({ kind: 'file.append', path: 'deep/er/a', data: bytes(' there') })
    await files.perform({ kind: 'file.write', path: 'deep/er/a', data: bytes('J'), offset: 0 })
    assert.equal(
      textOf(await files.perform({ kind: 'file.read', path: 'deep/er/a' })),
      'Jello there',
    )
    const part = { kind: 'file.read', path: 'deep/er/a', offset: 6, length: 100 } as const
    assert.equal(textOf(await files.perform(part)), 'there')
    assert.deepEqual(await files.perform({ kind: 'file.list', path: 'deep/er' }), ['a'])
    await files.perform({ kind: 'file.remove', path: 'deep/er/a' })
    assert.deepEqual(await files.perform({ kind: 'file.list', path: 'deep/er' }), [])
  })

  for (const path of [
    '..',
    '../files-of-others/secret',
    'a/../../files-of-others/secret',
    './../files-of-others/secret',
    '/etc/passwd',
    'secret\0.txt',
  ]) {
    it(`are not reached by ${JSON.stringify(path)}`, async (t) => {
      const { files, outside } = await ground(t)
      for (const request of everything(path))
        await assert.rejects(files.perform(request), { code: 'FileOutside' }, request.kind)
      assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'secret')
    })
  }

  it('are not reached over a symbolic link, at the end of a path or on the way', async (t) => {
    const { files, root, outside } = await ground(t)
    await symlink(join(outside, 'secret'), join(root, 'link'))
    await symlink(outside, join(root, 'way'))
    for (const path of ['link', 'way', 'way/secret', 'way/new'])
      for (const request of everything(path))
        await assert.rejects(
          files.perform(request),
          { code: 'FileOutside', message: /symbolic link/ },
          `${request.kind} ${path}`,
        )
    assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'secret')
    assert.deepEqual(await readdir(outside), ['secret'])
  })

  it('are no pipes and no sockets, and nobody waits for one', async (t) => {
    const { files, root } = await ground(t)
    execFileSync('mkfifo', [join(root, 'pipe')])
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve))
    t.after(() => server.close())
    for (const path of ['pipe', 'socket'])
      for (const kind of ['file.read', 'file.stat'] as const)
        await assert.rejects(files.perform({ kind, path }), (error: { code?: string }) =>
          ['FileOutside', 'FileFailed'].includes(error.code ?? ''),
        )
  })

  it('of another folder are reached when the app allows that folder, and no other whose name begins so', async (t) => {
    const { root, outside } = await ground(t)
    const files = new FolderFiles(join(root, '..', 'own'), [root])
    await writeFile(join(root, 'a'), 'allowed')
    const read = (path: string): Promise<unknown> => files.perform({ kind: 'file.read', path })
    assert.equal(textOf(await read(join(root, 'a'))), 'allowed')
    await assert.rejects(read(join(outside, 'secret')), { code: 'FileOutside' })
    await assert.rejects(read(`${root}/../files-of-others/secret`), { code: 'FileOutside' })
  })
})
