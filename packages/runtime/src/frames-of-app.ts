/** The places in an app's own files that led to an error: what its author looks for first. */
import { fileURLToPath } from 'node:url'

/** Where Epic Server's packages lie beside each other: `packages` in a checkout, `@epicserver` where it is installed. */
const OWN_FOLDER = fileURLToPath(new URL('../..', import.meta.url))

/** Lines of a stack as Node prints them, nearest first: `at Player.trade (/srv/app.ts:7:11)`. */
export function framesOfApp(error: Error): string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter(isOfApp)
    .map((line) => line.trim())
}

function isOfApp(line: string): boolean {
  return (
    /^\s+at .*:\d+:\d+\)?$/.test(line) &&
    !/node:|\/node_modules\//.test(line) &&
    !line.includes(OWN_FOLDER)
  )
}
