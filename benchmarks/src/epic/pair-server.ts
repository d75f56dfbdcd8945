// The node of the pair that answers; ends with its parent.

import { joinPair } from './pair-member.ts'

process.on('disconnect', () => process.exit())
await joinPair(process.argv[2]!, 'server')
