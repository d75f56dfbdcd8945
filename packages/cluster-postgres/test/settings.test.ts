import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PostgresClusterStore } from '@epicserver/cluster-postgres'

describe('settings', () => {
  it('checklist 28: a schema whose name could be more than a name is refused', () => {
    const address = 'postgres://u@localhost/d'
    for (const schema of [
      '',
      'Cluster',
      'a-b',
      '1a',
      'a"b',
      'a;drop',
      'a.b',
      'a b',
      'x'.repeat(49),
      "a'b",
      'ä',
    ]) {
      assert.throws(
        () => new PostgresClusterStore({ address, schema }),
        { code: 'SettingsInvalid' },
        schema,
      )
    }
  })
})
