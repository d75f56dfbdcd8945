/**
 * Module hooks that let Node import TypeScript as it is written: each `.ts` file is transformed on its own when it is imported.
 *
 * Relative imports may leave the ending out or say `.js`, as TypeScript projects do. Nothing is type-checked here; that is the
 * editor's and the compiler's work. Runs on the hooks thread of Node; what it throws reaches the importer.
 */
import { readFile } from 'node:fs/promises'
import type { LoadHook, ResolveHook } from 'node:module'
import { fileURLToPath } from 'node:url'

const TYPESCRIPT = /\.[cm]?tsx?$/
const JAVASCRIPT = /\.([cm]?)js(x?)$/

export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context)
  } catch (error) {
    if (!/^\.{1,2}\//.test(specifier) && !specifier.startsWith('file:')) throw error
    for (const candidate of candidatesFor(specifier)) {
      try {
        return await next(candidate, context)
      } catch (problem) {
        if ((problem as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw problem
      }
    }
    throw error
  }
}

export const load: LoadHook = async (url, context, next) => {
  const path = url.split('?')[0] as string
  if (!path.startsWith('file:') || !TYPESCRIPT.test(path)) return next(url, context)
  const file = fileURLToPath(path)
  // Not before there is TypeScript: an app in JavaScript starts without a compiler.
  const { transform } = await import('esbuild')
  const { code } = await transform(await readFile(file, 'utf8'), {
    loader: path.endsWith('x') ? 'tsx' : 'ts',
    format: 'esm',
    target: 'node20',
    sourcefile: file,
    sourcemap: 'inline',
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: true } },
  })
  return { format: 'module', source: code, shortCircuit: true }
}

function candidatesFor(specifier: string): string[] {
  if (JAVASCRIPT.test(specifier)) return [specifier.replace(JAVASCRIPT, '.$1ts$2')]
  return [`${specifier}.ts`, `${specifier}.tsx`, `${specifier}/index.ts`]
}
