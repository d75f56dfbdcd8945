import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import { parseMeetingPlaces } from '#src/meeting-place.ts'

test('meeting place: each form is read, with the port of supervisors unless another is said', () => {
  assert.deepEqual(
    parseMeetingPlaces('lan, dns:epic.example.org, [fd00::7]:4000,host,10.0.0.1:5'),
    [
      { kind: 'lan' },
      { kind: 'dns', name: 'epic.example.org', port: 3030 },
      { kind: 'seed', address: '[fd00::7]:4000' },
      { kind: 'seed', address: 'host:3030' },
      { kind: 'seed', address: '10.0.0.1:5' },
    ],
  )
  assert.deepEqual(parseMeetingPlaces('[fe80::1%eth0]'), [
    { kind: 'seed', address: '[fe80::1%eth0]:3030' },
  ])
})

test('meeting place: what is none is named, with what to write', () => {
  for (const text of ['', 'fd00::7', 'http://host', 'host:99999', 'dns:[fd00::1]', '[host]:1']) {
    assert.throws(
      () => parseMeetingPlaces(text),
      (error) =>
        isEpicError(error) &&
        error.code === 'SettingsInvalid' &&
        error.message.includes(`"${text}"`) &&
        error.message.includes('lan, dns:name'),
      text,
    )
  }
})
