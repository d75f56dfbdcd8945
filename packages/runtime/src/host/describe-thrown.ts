/** What an app threw, as its author needs it: the message, and the places in their own files that led to it. */
import { fileURLToPath } from 'node:url'

const FRAMES_MAX = 3
const OWN_FOLDER = fileURLToPath(new URL('..', import.meta.url))

export function describeThrown(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}, which is no Error`
  const frames = (error.stack ?? '').split('\n').filter(isOfApp).slice(0, FRAMES_MAX)
  return [
    `${error.name}: ${error.message}`,
    ...frames.map((frame) => `      ${frame.trim()}`),
  ].join('\n')
}

function isOfApp(line: string): boolean {
  return (
    /^\s+at .*:\d+:\d+\)?$/.test(line) &&
    !/node:|\/node_modules\//.test(line) &&
    !line.includes(OWN_FOLDER)
  )
}
