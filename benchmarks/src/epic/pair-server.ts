// The node of the pair that answers; ends with its parent.

import { streamKindOf } from '../baselines/bare-stream.ts'
import { joinPair } from './pair-member.ts'

process.on('disconnect', () => process.exit())
await joinPair(process.argv[2]!, 'server', streamKindOf(process.argv[3]))
