/**
 * Runs seeds in several processes at once, each with a part of them, and adds up what they report. A simulation keeps one core busy,
 * and no two of them share anything; so this is as good as one run, and sooner over. Each collects its garbage on its own core, not
 * on those of the others.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { addReport, emptyReport, type Report } from './run-seeds.ts'

export interface JobsOptions {
  readonly scenario: string
  readonly count: number
  readonly from: number
  readonly jobs: number
  readonly print: (line: string) => void
}

export async function runJobs({
  scenario,
  count,
  from,
  jobs,
  print,
}: JobsOptions): Promise<Report> {
  const startedAt = performance.now()
  const parts = Array.from({ length: jobs }, (_, job) => {
    const [first, end] = [job, job + 1].map((each) => from + Math.floor((count * each) / jobs))
    return { from: first as number, count: (end as number) - (first as number) }
  }).filter((part) => part.count > 0)
  const reports = await Promise.all(parts.map((part) => runPart(scenario, part, print)))
  const total = emptyReport()
  for (const report of reports) addReport(total, report)
  return { ...total, realMs: Math.round(performance.now() - startedAt) }
}

async function runPart(
  scenario: string,
  { count, from }: { readonly count: number; readonly from: number },
  print: (line: string) => void,
): Promise<Report> {
  const args = ['--scenario', scenario, '--seeds', String(count), '--from', String(from), '--json']
  const flags = [...process.execArgv, '--single-threaded-gc']
  const child = spawn(process.execPath, [...flags, process.argv[1] as string, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  let last: string | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    if (last !== undefined) print(last)
    last = line
  }
  const [code, signal] = (await ended) as [number | null, string | null]
  if (code === 0 || code === 1) return JSON.parse(last ?? '') as Report
  throw new Error(`The process for seeds from ${from} ended with ${signal ?? `code ${code}`}`)
}
