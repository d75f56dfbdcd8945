// `npm run api`: compares the public API of the packages below with the reviewed reports in `api/`.
// `npm run api -- --update` writes the reports; their diff is what a reviewer reads.
//
// `epicserver` re-exports from the packages below it, so its report holds their types in full.

import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import { findAny } from './api-report.ts'
import { readManifest, repositoryRoot } from './repository.ts'

const packages = ['contracts', 'net', 'testkit', 'epicserver']
const reportFolder = join(repositoryRoot, 'api')

const { values: options } = parseArgs({ options: { update: { type: 'boolean', default: false } } })

mkdirSync(reportFolder, { recursive: true })
const results = packages.map(checkPackage)
process.exitCode = results.every(Boolean) ? 0 : 1

function checkPackage(name: string): boolean {
  const report = join(reportFolder, `${name}.api.md`)
  const isNew = !existsSync(report)
  const { apiReportChanged, errorCount } = Extractor.invoke(configOf(name), {
    localBuild: options.update,
    messageCallback: (message) => {
      message.handled = true
      if (message.logLevel === ExtractorLogLevel.Error) console.error(`${name}: ${message.text}`)
    },
  })
  const anys = existsSync(report) ? findAny(readFileSync(report, 'utf8')) : []
  for (const line of anys) console.error(`api/${name}.api.md:${line}: any in a public type`)
  if (!options.update && (apiReportChanged || isNew)) {
    console.error(
      `${name}: the public API changed; see \`npm run api -- --update && git diff api\``,
    )
    return false
  }
  console.log(`api: ${name} ${apiReportChanged ? 'updated' : 'as reviewed'}`)
  return errorCount === 0 && anys.length === 0
}

function configOf(name: string): ExtractorConfig {
  const folder = join(repositoryRoot, 'packages', name)
  return ExtractorConfig.prepare({
    packageJsonFullPath: join(folder, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, 'dist/index.d.ts'),
      bundledPackages: name === 'epicserver' ? siblingsOf(folder) : [],
      newlineKind: 'lf',
      compiler: { overrideTsconfig: tsconfigOf(folder) },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder,
        reportTempFolder: join(repositoryRoot, 'node_modules/.cache/api-extractor'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      messages: {
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Warning },
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
        },
      },
    },
  })
}

/** The extractor reads what was built; the `source` condition would lead it to sources instead. */
function tsconfigOf(folder: string): object {
  const base = JSON.parse(readFileSync(join(repositoryRoot, 'tsconfig.base.json'), 'utf8')) as {
    compilerOptions: object
  }
  return {
    compilerOptions: { ...base.compilerOptions, customConditions: [], types: ['node'] },
    files: [join(folder, 'dist/index.d.ts')],
  }
}

function siblingsOf(folder: string): string[] {
  const { dependencies = {} } = readManifest(folder)
  return Object.keys(dependencies).filter((name) => name.startsWith('@epicserver/'))
}
