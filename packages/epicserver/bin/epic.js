#!/usr/bin/env node
/**
 * The `epic` command. It is JavaScript as it stands, so that npm can link it in a checkout where
 * nothing is compiled yet (`npx epic` would otherwise look for a stranger's package of that name),
 * and so that a Node that is too old can still read what is wrong.
 */
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`epic: Cannot run on Node ${process.versions.node}: install 20.19 or newer`)
  process.exitCode = 69
} else {
  import('@epicserver/cli').then(
    ({ runCommandLine }) => runCommandLine(process.argv),
    (error) => {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
      console.error('epic: Cannot start: this checkout is not compiled yet; npm run build')
      process.exitCode = 69
    },
  )
}
