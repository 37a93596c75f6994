import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../documents/documents.ts';

const TIB = 2 ** 40;
const GIB = 2 ** 30;

/** What the head of a column says of an installation. */
interface Size {
  V: number;
  T: number;
  B: number;
  G: number;
}

interface Cost {
  /** What is told before the dollars, such as a number of seconds. */
  amount?: string;
  dollars: number;
}

/** Every row by the numbers that stand in its formula, in their order; `scanned` is what a cell tells instead, in MB. */
const ROWS: Record<string, (size: Size, numbers: number[], scanned: number | undefined) => Cost> = {
  'functions, vCPU': ({ V, T, B }, [days, look, one, batch, free, price]) => {
    const seconds = times(days, times(look, T, plus(one, V)) + times(batch, B));
    return {
      amount: `${(Math.round(seconds / 1000) * 1000).toLocaleString('en')} s`,
      dollars: above(seconds, free, price),
    };
  },
  'functions, memory': ({ V, T, B }, [memory, free, price]) => ({
    dollars: above(times(memory, 30 * (0.3 * T * (1 + V) + 11 * B)), free, price),
  }),
  'Pub/Sub': ({ V, T, B }, [days, one, two, kilobytes, free, price]) => ({
    dollars: above(
      times(days, kilobytes, 1000, times(T, plus(one, V)) + times(two, B)) / TIB,
      times(free, GIB) / TIB,
      price,
    ),
  }),
  staging: ({ B }, [megabytes, kept, price, days, calls, each]) => ({
    dollars: times(B, megabytes, 0.001, kept, price) + times(days, B, calls, 0.001, each),
  }),
  'queries of merges': ({ B }, [days, megabytes, free, price], scanned) => {
    const tebibytes = times(days, B, scanned ?? megabytes, 1e6) / TIB;
    const at = scanned === undefined ? '' : ` at ${scanned} MB`;
    return { amount: `${tebibytes.toFixed(1)} TiB${at}`, dollars: above(tebibytes, free, price) };
  },
  'Storage Write API': ({ B }, [days, megabytes, free, price]) => ({
    dollars: above(times(days, B, megabytes, 1e6) / TIB, free, price),
  }),
  'target storage': ({ G }, [free, price]) => ({ dollars: above(G, free, price) }),
  'images (Artifact Registry)': (_, [functions, versions, gigabytes, free, price]) => ({
    dollars: above(times(functions, versions, gigabytes), free, price),
  }),
  'builds (Cloud Build)': (_, [functions, deployments, minutes, free, price]) => ({
    dollars: above(times(functions, deployments, minutes), free, price),
  }),
  logs: ({ V, T, B }, [days, looks, lines, kilobytes, free, price]) => ({
    dollars: above(times(days, kilobytes, 1000, times(looks, T, V) + times(lines, B)) / GIB, free, price),
  }),
  scheduler: (_, [jobs, free, price]) => ({ dollars: above(times(jobs), free, price) }),
  secrets: (_, [versions, free, price]) => ({ dollars: above(times(versions), free, price) }),
  'control database': (_, [hours, price, disk, diskPrice, backups, backupPrice]) => ({
    dollars: times(hours, price) + times(disk, diskPrice) + times(backups, backupPrice),
  }),
  'VPC connector': (_, [machines, hours, price]) => ({ dollars: times(machines, hours, price) }),
  'Cloud NAT': ({ B }, [machines, hours, price, addressHours, addressPrice, days, megabytes, traffic]) => ({
    dollars:
      times(machines, hours, price) +
      times(addressHours, addressPrice) +
      times(days, B, megabytes, 0.001, traffic),
  }),
};

/** A number that the formula does not have makes all NaN. */
function times(...factors: (number | undefined)[]): number {
  return factors.reduce<number>((product, factor) => product * (factor ?? Number.NaN), 1);
}

function plus(one: number | undefined, other: number): number {
  return (one ?? Number.NaN) + other;
}

function above(amount: number, free: number | undefined, price: number | undefined): number {
  return times(Math.max(0, amount - (free ?? Number.NaN)), price);
}

/** To the dollar; below one to ten cents. */
function told({ amount, dollars }: Cost): string {
  const rounded = dollars < 0.95 ? Number(dollars.toFixed(1)) : Math.round(dollars);
  return `${amount === undefined ? '' : `${amount}: `}$${rounded}`;
}

/** Without the words in backticks, whose figures count nothing. */
function numbersIn(formula: string): number[] {
  const text = formula.replaceAll(/`[^`]*`/g, '');
  return [...text.matchAll(/(?<![\w.])\d[\d,]*(?:\.\d+)?/g)].map(([number]) =>
    Number(number.replaceAll(',', '')),
  );
}

describe('the table of costs', () => {
  it('says what its formulas give', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    const section = readme.split('### What it costs\n')[1]?.split('\n### ')[0] ?? '';
    const [head, , ...rows] = section
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    const sizes = (head ?? []).slice(2).map((cell) => {
      const of = (letter: string) =>
        Number(new RegExp(`\\b${letter} ([\\d,.]*\\d)`).exec(cell)?.[1]?.replaceAll(',', '') ?? Number.NaN);
      return { V: of('V'), T: of('T'), B: of('B'), G: of('G') };
    });
    assert.equal(sizes.length, 3);

    const names = rows.filter(([, , cell]) => cell !== 'look up').map(([name = '']) => name);
    assert.deepEqual(names, Object.keys(ROWS));
    for (const [name = '', formula = '', ...cells] of rows) {
      const cost = ROWS[name];
      if (cost === undefined) continue;
      const recomputed = cells.map((cell, index) => {
        const scanned = /at (\d+) MB/.exec(cell)?.[1];
        const size = sizes[index] ?? assert.fail(`${name} has more columns than the head`);
        return told(cost(size, numbersIn(formula), scanned === undefined ? undefined : Number(scanned)));
      });
      assert.deepEqual(cells, recomputed, name);
    }
  });
});
