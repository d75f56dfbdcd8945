/**
 * A graph to rank, made from a seed: some pages are linked to by thousands, most by a few, one in
 * twenty links to nothing.
 *
 * Each page links to pages that are older than itself, half of them copied from the links of an
 * older page. Copying makes the rich richer, which is what gives real webs their few hubs and long
 * tail.
 */

/** For each page the pages that it links to. */
export type Links = readonly (readonly number[])[]

export interface GraphSize {
  readonly vertices: number
  readonly seed: number
}

const LINKS_PER_PAGE = 5
const SHARE_WITHOUT_LINKS = 0.05

export function randomGraph({ vertices, seed }: GraphSize): Links {
  const random = randomNumbers(seed)
  const links: number[][] = []
  for (let page = 0; page < vertices; page += 1) {
    const targets = new Set<number>()
    if (page > 0 && random() >= SHARE_WITHOUT_LINKS) {
      for (let i = 0; i < LINKS_PER_PAGE; i += 1) targets.add(chooseTarget(links, page, random))
    }
    links.push([...targets])
  }
  return links
}

function chooseTarget(links: Links, page: number, random: () => number): number {
  const older = Math.floor(random() * page)
  const copied = links[older][Math.floor(random() * links[older].length)]
  return copied === undefined || random() < 0.5 ? older : copied
}

/** Mulberry32: small, fast, and the same everywhere. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
