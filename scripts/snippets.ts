// Finds the TypeScript snippets of a Markdown page and makes modules of them.
//
// A block opened by ```ts is a module of its own. The word after `ts` changes that:
//   ts ignore      not checked: a fragment that stands for itself
//   ts continued   goes on from the checked block before it on the page
//   ts run         is also run, and must end well
//
// Each module keeps its snippet on the lines it has on the page, so that a compiler's line is the
// page's line.

export interface Snippet {
  /** The line of the page on which its first line stands, from 1. */
  readonly line: number
  readonly text: string
  readonly isRun: boolean
}

interface Block {
  readonly line: number
  readonly mode: string
  readonly text: string
}

/** @throws Error if a block is marked in a way that means nothing, or continues nothing. */
export function snippetsOf(path: string, markdown: string): Snippet[] {
  const snippets: Snippet[] = []
  for (const { line, mode, text } of blocksOf(markdown)) {
    if (mode === 'ignore') continue
    if (!['', 'continued', 'run'].includes(mode)) {
      throw new Error(`${path}:${line - 1}: no one knows what "ts ${mode}" means`)
    }
    const before = mode === 'continued' ? snippets.pop() : undefined
    if (mode === 'continued' && before === undefined) {
      throw new Error(`${path}:${line - 1}: continues no snippet`)
    }
    const head = before?.text ?? ''
    const padding = '\n'.repeat(line - head.split('\n').length)
    snippets.push({
      line: before?.line ?? line,
      text: `${head}${padding}${text}`,
      isRun: mode === 'run' || (before?.isRun ?? false),
    })
  }
  return snippets
}

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = []
  let open: { fence: string; line: number; mode: string; lines: string[] } | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    if (open !== undefined && line.trim() === open.fence) {
      blocks.push({ line: open.line, mode: open.mode, text: open.lines.join('\n') })
      open = undefined
    } else if (open !== undefined) {
      open.lines.push(line)
    } else {
      const start = /^\s*(`{3,})(?:ts|typescript)\b(.*)$/.exec(line)
      if (start === null) continue
      open = { fence: start[1] ?? '', line: index + 2, mode: (start[2] ?? '').trim(), lines: [] }
    }
  }
  return blocks
}
