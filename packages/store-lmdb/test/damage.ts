/** Damages the file of an environment that is closed, as a failing disk does. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Flips one bit in every place where `marker` stands in the file, and tells in how many. */
export async function flipBits(shard: string, marker: string): Promise<number> {
  const path = join(shard, 'data.mdb')
  const file = await readFile(path)
  const bytes = Buffer.from(marker)
  let places = 0
  for (let at = file.indexOf(bytes); at >= 0; at = file.indexOf(bytes, at + 1)) {
    file[at + bytes.length - 1] = file[at + bytes.length - 1]! ^ 1
    places += 1
  }
  await writeFile(path, file)
  return places
}
