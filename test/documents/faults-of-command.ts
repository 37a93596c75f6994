import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './documents.ts';
import type { Usage } from './known-commands.ts';
import type { Command } from './type-in.ts';

/** What commands may name: everything is by its name, a resource's address by whether it takes an index. */
export interface Nameable {
  usages: Map<string, Usage>;
  npmScripts: string[];
  terraformOutputs: string[];
  terraformResources: Map<string, 'count' | 'for_each' | 'one'>;
}

/** What is wrong with a command as it stands in a document; empty where nothing is. */
export function faultsOfCommand(command: Command, nameable: Nameable): string[] {
  const { program, words, where } = command;
  const faults =
    program === 'npm' || program === 'npx'
      ? faultsOfPackage(command, nameable.npmScripts)
      : [...faultsOfUsage(command, nameable.usages), ...faultsOfNames(command, nameable)];
  return faults.map((fault) => `${where}: ${program} ${words.join(' ')}: ${fault}`);
}

function faultsOfPackage({ program, words }: Command, scripts: string[]): string[] {
  const [first = '', second = ''] = words;
  if (program === 'npx') {
    return words
      .filter((word) => word.startsWith('test/') && !existsSync(join(ROOT, word)))
      .map((word) => `there is no ${word}`);
  }
  const script = first === 'run' ? second : first;
  if (first === 'ci' || scripts.includes(script)) return [];
  return [`package.json has no script ${script}`];
}

/** By the recorded usage of the longest command that the words begin with. */
function faultsOfUsage({ program, words, isNamed }: Command, usages: Map<string, Usage>): string[] {
  const end = words.findIndex((word) => word.startsWith('-'));
  const leading = words.slice(0, end === -1 ? undefined : end);
  const names = leading.map((_, index) => [program, ...leading.slice(0, leading.length - index)].join(' '));
  const name = [...names, program].find((each) => usages.has(each));
  const usage = usages.get(name ?? '');
  if (name === undefined || usage === undefined || (name === program && program === 'gcloud')) {
    return ['is not recorded: is it a command? If so: node test/tools/record-commands.ts'];
  }
  const everywhere = usages.get(program)?.flags ?? new Map<string, boolean>();
  const takesValue = (flag: string) => usage.flags.get(flag) ?? everywhere.get(flag);

  const faults: string[] = [];
  const given = new Set<string>();
  let others = 0;
  const rest = words.slice(name.split(' ').length - 1);
  for (let index = 0; index < rest.length; index += 1) {
    const word = rest[index] ?? '';
    const [, flag = word, value] = /^(-[^=]*)=(.*)$/s.exec(word) ?? [];
    if (!word.startsWith('-') || word === '-') {
      others += 1;
      continue;
    }
    given.add(flag);
    const known = takesValue(flag);
    if (known === undefined && !areShortFlags(flag, takesValue)) faults.push(`has no flag ${flag}`);
    if (known !== true || value !== undefined) continue;
    index += 1;
    if (rest[index] === undefined) faults.push(`${flag} wants a value`);
  }
  if (program !== 'gcloud') return faults; // of the others it is not recorded which flags take a value
  if (others > usage.most) faults.push(`takes ${usage.most} names, not ${others}`);
  if (isNamed) return faults;
  if (others < usage.least) faults.push(`wants ${usage.least} names, not ${others}`);
  for (const flag of usage.requiredFlags) if (!given.has(flag)) faults.push(`wants ${flag}`);
  return faults;
}

/** Several in one word, as `-sS`. */
function areShortFlags(word: string, takesValue: (flag: string) => boolean | undefined): boolean {
  return (
    /^-[a-zA-Z]{2,}$/.test(word) &&
    [...word.slice(1)].every((letter) => takesValue(`-${letter}`) !== undefined)
  );
}

function faultsOfNames({ folder, program, words }: Command, nameable: Nameable): string[] {
  if (program === 'psql') {
    const files = words.filter((_, index) => words[index - 1] === '-f');
    return files.filter((file) => !existsSync(join(ROOT, folder, file))).map((file) => `there is no ${file}`);
  }
  if (program !== 'terraform') return [];
  if (words[0] === 'output') {
    const names = words.slice(1).filter((word) => !word.startsWith('-'));
    return names
      .filter((name) => !nameable.terraformOutputs.includes(name))
      .map((name) => `there is no output ${name}`);
  }
  const targets = words.flatMap((word) => /^-(?:target|replace)=(.*)$/.exec(word)?.[1] ?? []);
  const addresses = words[0] === 'import' ? words.slice(1, 2) : words[0] === 'state' ? words.slice(2) : [];
  return [...targets, ...addresses].flatMap((address) => {
    const [, resource = address, index = ''] = /^([^[]+)(\[.*\])?$/.exec(address) ?? [];
    const kind = nameable.terraformResources.get(resource);
    if (kind === undefined) return [`there is no resource ${resource}`];
    const isWhole = index === '' && words[0] !== 'import';
    const fits = { count: /^\[\d+\]$/, for_each: /^\["[^"]+"\]$/, one: /^$/ }[kind].test(index);
    return isWhole || fits
      ? []
      : [`${address}: ${resource} has ${kind === 'one' ? 'no index' : `an index by ${kind}`}`];
  });
}
