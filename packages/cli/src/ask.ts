/** Asks the supervisor of the running app, over the socket in its data folder. */
import { join, resolve } from 'node:path'
import { EpicError, isEpicError, isErrorCode } from '@epicserver/contracts'
import { askControl, runFolderFor, type ControlRequest } from '@epicserver/runtime/host'

const START_OR_NAME =
  'Start it with `epic run`, or name the folder that its data is in with `--data`.'

/** @throws EpicError what the app answered, or `Unavailable` when nothing runs there */
export async function ask(dataFolder: string, request: ControlRequest): Promise<unknown> {
  const answer = await askControl(
    join(runFolderFor(resolve(dataFolder)), 'control.sock'),
    request,
  ).catch((error: unknown) => {
    if (!isEpicError(error) || error.code !== 'Unavailable') throw error
    throw new EpicError(
      'Unavailable',
      `Cannot find a running app with its data in ${resolve(dataFolder)}`,
      { cause: error, details: { remedy: START_OR_NAME } },
    )
  })
  if (answer.ok) return answer.value
  const { name, message, code, retry, remedy } = answer.error
  if (isErrorCode(code))
    throw new EpicError(code, message, {
      ...(retry !== undefined && { retry }),
      ...(remedy !== undefined && { details: { remedy } }),
    })
  const error = new Error(message)
  error.name = name
  throw error
}
