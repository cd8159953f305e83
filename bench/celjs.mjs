// celjs.mjs: the same three rules in the fastest CEL for JavaScript, for docs/performance.md.
//
//     npm install @marcbachmann/cel-js@8.0.0        (in any folder)
//     node bench/celjs.mjs FIXTURES_DIR FOLDER_WITH_NODE_MODULES
//
// Prints one JSON object a line as the bench does. All 64 answers are checked before anything is
// timed; the figure is the median of 11 batches of at least 30 ms, after warming up.
import {readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {join, resolve} from 'node:path'
import {pathToFileURL} from 'node:url'

const [fixtures, folder] = process.argv.slice(2)
if (!fixtures || !folder) {
  console.error('usage: node bench/celjs.mjs FIXTURES_DIR FOLDER_WITH_NODE_MODULES')
  process.exit(1)
}
const require = createRequire(pathToFileURL(join(resolve(folder), 'x.js')))
const {parse} = await import(pathToFileURL(require.resolve('@marcbachmann/cel-js')))
const single = JSON.parse(readFileSync(join(fixtures, 'single.json'), 'utf8'))
const contexts = single.profiles.map(profile => ({profile}))

function batch(run, rounds) {
  const begun = process.hrtime.bigint()
  let matches = 0
  for (let i = 0; i < rounds; i++) for (const context of contexts) if (run(context) === true) matches++
  const ns = Number(process.hrtime.bigint() - begun)
  if (matches < 0) throw new Error('never')
  return ns / (rounds * contexts.length)
}

for (const [name, rule] of Object.entries(single.rules)) {
  const run = parse(rule.cel)
  contexts.forEach((context, i) => {
    if ((run(context) === true) !== Boolean(rule.expected[i])) throw new Error(`${name}: customer ${i}`)
  })
  let rounds = 1
  while (batch(run, rounds) * rounds * contexts.length < 30e6) rounds *= 2
  const times = Array.from({length: 11}, () => batch(run, rounds)).sort((a, b) => a - b)
  console.log(JSON.stringify({
    family: 'rules', workload: name, variant: 'npm', checked: contexts.length,
    ns: Number(times[5].toFixed(3)), min_ns: Number(times[0].toFixed(3)), batches: 11,
  }))
}
