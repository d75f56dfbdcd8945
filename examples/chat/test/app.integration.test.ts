import { it } from 'node:test'
import { RunningExample } from '../../running-example.ts'

it('chat: prints what each of them hears', async (context) => {
  const example = await RunningExample.start(context, 'chat')
  await example.printed(/^ann hears in lobby ann: hello, everyone$/)
  await example.printed(/^bob hears in lobby bob: where is @cat\?$/)
  await example.printed(/^cat hears in lobby bob: where is @cat\?$/)
})
