import assert from 'node:assert/strict'

/** A machine as data: what each event makes of each state; what is missing must not happen. */
type Table<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, State>>>>
>

/** The states that can be reached from this one. */
export function reachable<State extends string, Event extends string>(
  table: Table<State, Event>,
  from: State,
): Set<State> {
  const found = new Set<State>([from])
  for (const state of found) {
    for (const next of Object.values<State | undefined>(table[state])) {
      if (next !== undefined) found.add(next)
    }
  }
  return found
}

/** Compares a table with the one in a file's head: rows of states, columns of events, `–` for what must not happen. */
export function assertTable<State extends string, Event extends string>(
  table: Table<State, Event>,
  { events, rows }: { events: readonly Event[]; rows: Readonly<Record<State, string>> },
): void {
  for (const [state, row] of Object.entries<string>(rows)) {
    const cells = row.split(' ')
    assert.equal(cells.length, events.length, `the row of ${state} has a cell for each event`)
    const actual = events.map((event) => table[state as State][event] ?? '–')
    assert.deepEqual(actual, cells, `the row of ${state}`)
  }
  assert.deepEqual(Object.keys(table).toSorted(), Object.keys(rows).toSorted())
}
