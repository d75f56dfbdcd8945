/** The id of the machine's boot: two readings of a monotonic clock can only be compared within one. */
import { readFileSync } from 'node:fs'
import { hostname, uptime } from 'node:os'

const LINUX_BOOT_ID = '/proc/sys/kernel/random/boot_id'

let fallback: string | undefined

export function bootId(): string {
  try {
    return readFileSync(LINUX_BOOT_ID, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    fallback ??= `${hostname()}-${Math.round(Date.now() / 1000 - uptime())}`
    return fallback
  }
}
