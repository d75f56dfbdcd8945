/**
 * Says what is wrong with the file given to `epic run`, with which line, before any process is started for it. Apart from load-app.ts,
 * so that node processes, which load the app, start without a compiler.
 */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { EpicError } from '@epicserver/contracts'
import type { BuildFailure, Message } from 'esbuild'

/**
 * Finds and compiles the app without running it.
 * @throws EpicError `AppNotFound`, `AppDoesNotCompile`
 */
export async function checkApp(file: string): Promise<void> {
  const path = resolve(file)
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) {
    const what = found === undefined ? 'there is no such file' : 'it is no file'
    throw new EpicError('AppNotFound', `Cannot find the app "${file}": ${what}`, {
      details: { path },
    })
  }
  // Not with this file: most commands check no app, and start without a compiler.
  const { build } = await import('esbuild')
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

function printMessage({ text, location }: Message): string {
  return location === null
    ? text
    : `${location.file}:${location.line}:${location.column + 1}: ${text}\n    ${location.lineText.trim()}`
}
