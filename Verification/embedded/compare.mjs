// Runs in WebAssembly each life that was written down, and compares every step. Ends with 1 at the first difference.
//
//     node compare.mjs MODULE.wasm LIVES.txt
import { readFileSync } from "node:fs";

const [moduleFile, livesFile] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(moduleFile), {});
const { live, width, number } = instance.exports;

function end(text) {
    console.error(`holdfast: ${text}`);
    process.exit(1);
}

let steps = 0, lives = 0, current = null, step = 0, count = 0;
const finish = () => {
    if (current && step !== count) end(`${current} has ${count} steps in WebAssembly, and ${step} natively`);
};
for (const line of readFileSync(livesFile, "utf8").trimEnd().split("\n")) {
    const begins = line.match(/^([a-z]+) (\d+) (\d+)$/);
    if (begins) {
        finish();
        current = `${begins[1]} ${begins[3]}`;
        count = live(Number(begins[2]), BigInt(begins[3]));
        step = 0;
        lives++;
        continue;
    }
    if (step >= count) end(`${current} has ${count} steps in WebAssembly, and more natively`);
    const here = [];
    for (let place = 0; place < width(step); place++) here.push(number(step, place));
    if (here.join(" ") !== line) end(`${current}, step ${step}: natively ${line}, in WebAssembly ${here.join(" ")}`);
    step++;
    steps++;
}
finish();
if (lives === 0 || steps === 0) end("nothing was compared");
console.log(`${lives} lives, ${steps} steps, each the same natively and in WebAssembly`);
