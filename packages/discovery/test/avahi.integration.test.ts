import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makeLink, missingNamespaces, missingPrograms } from './test-link.ts'

const skip =
  (await missingNamespaces()) ||
  (await missingPrograms(['avahi-daemon', 'avahi-browse', 'dbus-daemon', 'unshare']))

/** Avahi beside that of this machine, if there is one: what it keeps below /run is its own. */
const BROWSE = `
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/avahi-daemon && chown avahi:avahi /run/avahi-daemon
dbus-daemon --system --fork --print-pid > /run/dbus.pid
avahi-daemon --no-chroot --no-drop-root --no-rlimits --daemonize
avahi-browse --resolve --parsable --terminate _epic._tcp
avahi-daemon --kill
kill $(cat /run/dbus.pid)
`

/** Avahi lists what has answered within about a second; a busy machine may take longer. */
const TRIES_MAX = 10

test('avahi: a standard tool lists a machine, with its address and port', { skip }, async (t) => {
  const [one, two] = await makeLink(t, 2)
  const announces = one!.start('announce', randomBytes(32).toString('hex'), 'shop', 'm1')
  await announces.next('announced')
  let resolved: string | undefined
  for (let tries = 0; resolved === undefined && tries < TRIES_MAX; tries += 1) {
    const listed = await two!.exec('unshare', '--mount', 'sh', '-c', BROWSE)
    resolved = listed.split('\n').find((line) => line.startsWith('='))
  }
  const [, device, family, name, kind, domain, host, address, port] = resolved?.split(';') ?? []
  assert.deepEqual(
    [device, family, name, kind, domain, host, port],
    ['eth0', 'IPv6', 'm1', '_epic._tcp', 'local', 'm1.local', '3030'],
  )
  assert.match(address ?? '', /^(fe80|fd00:e):/)
  await announces.end()
})
