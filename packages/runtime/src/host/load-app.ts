/** Brings the file given to `epic run` to an app, or to an error that says what is wrong with which line. */
import { stat } from 'node:fs/promises'
import { register } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { EpicError } from '@epicserver/contracts'
import { build, type BuildFailure, type Message } from 'esbuild'
import { isApp, type App } from '../model/app.ts'
import { describeClass } from '../model/class-description.ts'
import { describeThrown } from './describe-thrown.ts'

let isRegistered = false

/**
 * Finds and compiles the app without running it.
 * @throws EpicError `AppNotFound`, `AppDoesNotCompile`
 */
export async function checkApp(file: string): Promise<void> {
  const path = resolve(file)
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!isFile)
    throw new EpicError('AppNotFound', `Cannot find the app "${file}": there is no such file`, {
      details: { path },
    })
  try {
    await build({
      entryPoints: [path],
      bundle: true,
      write: false,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
    })
  } catch (error) {
    const messages = (error as BuildFailure).errors
    if (!Array.isArray(messages) || messages.length === 0) throw error
    throw new EpicError(
      'AppDoesNotCompile',
      `Cannot compile "${file}": ${printMessage(messages[0] as Message)}`,
      { details: { path, errors: messages.length } },
    )
  }
}

/**
 * Imports the app and reads its classes.
 * @throws EpicError `AppThrew`, `AppInvalid`, `SettingsInvalid`
 */
export async function loadApp(file: string): Promise<App> {
  if (!isRegistered) {
    isRegistered = true
    register('./typescript-hooks.js', import.meta.url)
  }
  let module: { readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown }
  } catch (cause) {
    throw new EpicError('AppThrew', `Cannot start "${file}": ${describeThrown(cause)}`, { cause })
  }
  const app = module.default
  if (app === undefined) {
    throw new EpicError(
      'AppInvalid',
      `Cannot start "${file}": it has no default export. Write: export default defineApp({ entities: { … } })`,
    )
  }
  if (!isApp(app)) {
    throw new EpicError(
      'AppInvalid',
      `Cannot start "${file}": its default export is not what defineApp returns`,
    )
  }
  if (typeof app.entities !== 'object' || app.entities === null) {
    throw new EpicError(
      'AppInvalid',
      `Cannot start "${file}": its app names no entities. Write: defineApp({ entities: { … } })`,
    )
  }
  for (const [name, entityClass] of Object.entries(app.entities)) describeClass(name, entityClass)
  return app
}

function printMessage({ text, location }: Message): string {
  return location === null
    ? text
    : `${location.file}:${location.line}:${location.column + 1}: ${text}\n    ${location.lineText.trim()}`
}
