/**
 * `epic key`: makes the secret that the machines of a cluster share, in a file that only its owner can read; and exchanges it
 * while they run.
 *
 * A file may hold several keys, one a line: the first is used, all are accepted.
 */
import { open } from 'node:fs/promises'
import { EpicError } from '@epicserver/contracts'
import { createClusterKey } from '@epicserver/runtime/host'
import { ask } from '../ask.ts'
import { readClusterKeys } from '../cluster-options.ts'
import { printJson, printLine } from '../output.ts'

export interface KeyOptions {
  readonly add?: boolean
  readonly reload?: boolean
  readonly data: string
  readonly json?: boolean
}

export async function keyCommand(file: string | undefined, options: KeyOptions): Promise<void> {
  if ((file === undefined) !== (options.reload === true)) {
    throw new EpicError(
      'SettingsInvalid',
      'Cannot tell what to do: name the file to write a key to, or say --reload to have the running app read its own again',
    )
  }
  if (file === undefined) await reload(options)
  else if (options.add === true) await add(file, options)
  else await create(file, options)
}

async function reload({ data, json }: KeyOptions): Promise<void> {
  const { keys } = (await ask(data, { ask: 'readKeys' })) as { readonly keys: number }
  if (json === true) printJson({ keys })
  else if (keys === 1) printLine('The cluster key was read again. It alone is accepted.')
  else
    printLine(`The cluster keys were read again. The first is used, and all ${keys} are accepted.`)
}

async function add(file: string, { json }: KeyOptions): Promise<void> {
  // That they can be read, and by nobody else, is made sure before anything is written.
  const keys = await readClusterKeys(file)
  // In a line of its own, also where somebody left the last one without an end.
  await write(file, 'a', `\n${createClusterKey()}\n`)
  if (json === true) printJson({ key: file, keys: keys.length + 1 })
  else
    printLine(
      `A further cluster key lies in ${file}, below those that count. Bring the file to each machine, and have each read it: epic key --reload`,
    )
}

async function create(file: string, { json }: KeyOptions): Promise<void> {
  await write(file, 'wx', `${createClusterKey()}\n`)
  if (json === true) printJson({ key: file })
  else
    printLine(`A new cluster key lies in ${file}. Bring it to each machine, and show it to nobody.`)
}

async function write(file: string, flags: 'wx' | 'a', text: string): Promise<void> {
  try {
    const handle = await open(file, flags, 0o600)
    await handle.writeFile(text)
    await handle.close()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new EpicError('FileFailed', `Cannot write the key to "${file}": ${String(cause)}`, {
        cause,
      })
    }
    throw new EpicError(
      'AlreadyExists',
      `Cannot write the key to "${file}": the file is there, and may be a key that machines use`,
      {
        details: {
          remedy: 'Name another file; to put a new key below those that it has: `--add`.',
        },
      },
    )
  }
}
