/** `epic key`: makes the secret that the machines of a cluster share, in a file that only its owner can read. */
import { open } from 'node:fs/promises'
import { EpicError } from '@epicserver/contracts'
import { createClusterKey } from '@epicserver/runtime/host'
import { printJson, printLine } from '../output.ts'

export async function keyCommand(
  file: string,
  options: { readonly json?: boolean },
): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(`${createClusterKey()}\n`)
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
    )
  }
  if (options.json === true) printJson({ key: file })
  else
    printLine(`A new cluster key lies in ${file}. Bring it to each machine, and show it to nobody.`)
}
