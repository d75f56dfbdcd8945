import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statementMetrics } from '#src/statement-metrics.ts'

test('statement metrics: are OpenMetrics, a family each, with node, shard and statement as labels', () => {
  const apply = {
    ...{ shard: 0, statement: 'apply', count: 3, errors: 1, requests: 40 },
    ...{ totalMs: 12, p50Ms: 2, p99Ms: 8, maxMs: 8 },
  }
  const text = statementMetrics([
    { node: 'a1', statements: [apply], slow: [] },
    { node: 'b2', statements: [], slow: [] },
  ])
  assert.equal(
    text,
    `# TYPE epic_db_statements counter
# HELP epic_db_statements Statements sent to the state store.
epic_db_statements_total{node="a1",shard="0",statement="apply"} 3
# TYPE epic_db_statement_errors counter
# HELP epic_db_statement_errors Statements that failed, for whatever reason.
epic_db_statement_errors_total{node="a1",shard="0",statement="apply"} 1
# TYPE epic_db_statement_requests counter
# HELP epic_db_statement_requests Requests that the statements carried.
epic_db_statement_requests_total{node="a1",shard="0",statement="apply"} 40
# TYPE epic_db_statement_seconds summary
# HELP epic_db_statement_seconds How long statements took.
epic_db_statement_seconds{node="a1",shard="0",statement="apply",quantile="0.5"} 0.002
epic_db_statement_seconds{node="a1",shard="0",statement="apply",quantile="0.99"} 0.008
epic_db_statement_seconds_sum{node="a1",shard="0",statement="apply"} 0.012
epic_db_statement_seconds_count{node="a1",shard="0",statement="apply"} 3
# EOF
`,
  )
})

test('statement metrics: a cluster without a database has families and no samples', () => {
  const lines = statementMetrics([]).trim().split('\n')
  assert.ok(lines.every((line) => line.startsWith('# ')))
  assert.equal(lines.at(-1), '# EOF')
})
