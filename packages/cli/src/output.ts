/** What the command prints: tables and sentences for people, one JSON object for programs. */
import { isEpicError, remedyFor } from '@epicserver/contracts'

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** An error with its code and what to do about it. */
export function printError(error: unknown, isJson: boolean): void {
  const { name, message } = error as Error
  if (isJson) {
    const code = isEpicError(error) ? { code: error.code, retry: error.retry } : {}
    process.stderr.write(`${JSON.stringify({ error: { message, ...code } })}\n`)
    return
  }
  process.stderr.write(
    `epic: ${isEpicError(error) || name === 'Error' ? '' : `${name}: `}${message}\n`,
  )
  if (isEpicError(error)) process.stderr.write(`      ${remedyFor(error)}\n`)
}

/** Prints lines of {@link formatTable}. */
export function printTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  for (const line of formatTable(header, rows)) printLine(line)
}

/** Columns as wide as their widest cell; numbers to the right. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string[] {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column] ?? '').length)),
  )
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, column) =>
        typeof cell === 'number'
          ? String(cell).padStart(widths[column] ?? 0)
          : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(header), ...rows.map((row) => line(row))]
}
