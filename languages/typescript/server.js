// Compiles many programs in one process: `node server.js TSC REQUESTS REPLIES WORD...`.
//
// Each program gets a program, a checker and a host of its own, as tsc would make them; what they share are the
// syntax trees of the library's declaration files, which the compiler itself shares between programs (its language
// service does so): a checker that merges into one of their symbols merges into a copy.
// Whatever is not foreseen ends the process, and tsc itself has the word.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const [tsc, requests, replies, ...words] = process.argv.slice(2);
const ts = require(path.join(path.dirname(fs.realpathSync(tsc)), "../lib/typescript.js"));

let output = "";
const system = {
    ...ts.sys,
    write: (text) => void (output += text),
    getCurrentDirectory: () => process.cwd(), // the compiler's own remembers the first answer
};
const library = new Map();

function compile() {
    const { options, fileNames, errors } = ts.parseCommandLine(words, system.readFile);
    if (errors.length) throw new Error("options that this compiler does not know");
    const host = ts.createCompilerHostWorker(options, undefined, system);
    host.jsDocParsingMode = ts.JSDocParsingMode.ParseForTypeErrors;
    const directory = host.getCurrentDirectory();
    const canonical = ts.createGetCanonicalFileName(host.useCaseSensitiveFileNames());
    ts.changeCompilerHostLikeToUseCache(host, (name) => ts.toPath(name, directory, canonical));
    shareLibrary(host);
    const program = ts.createProgram({ rootNames: fileNames, options, host });
    const report = ts.createDiagnosticReporter(system);
    return ts.emitFilesAndReportErrorsAndGetExitStatus(program, report, (text) => system.write(text + system.newLine));
}

function shareLibrary(host) {
    const own = host.getSourceFile;
    const folder = host.getDefaultLibLocation();
    host.getSourceFile = (name, options, ...rest) => {
        if (path.dirname(name) !== folder || !/^lib\..*\.d\.ts$/.test(path.basename(name))) return own(name, options, ...rest);
        const key = `${name} ${options.languageVersion} ${options.impliedNodeFormat} ${options.jsDocParsingMode}`;
        if (!library.has(key)) library.set(key, own(name, options, ...rest));
        return library.get(key);
    };
}

function read(descriptor, size) {
    const buffer = Buffer.alloc(size);
    for (let done = 0; done < size; ) {
        const count = fs.readSync(descriptor, buffer, done, size - done);
        if (count === 0) process.exit(0);
        done += count;
    }
    return buffer;
}

function readCount(descriptor) {
    let digits = "";
    for (let byte; (byte = read(descriptor, 1).toString()) !== "\n"; ) digits += byte;
    return Number(digits);
}

function write(descriptor, data) {
    for (let done = 0; done < data.length; ) done += fs.writeSync(descriptor, data, done);
}

const input = fs.openSync(requests, "r");
const answers = fs.openSync(replies, "w");
write(answers, Buffer.from("ready\n"));
for (;;) {
    process.chdir(read(input, readCount(input)).toString());
    output = "";
    const status = compile();
    process.chdir("/");
    const text = Buffer.from(output);
    write(answers, Buffer.concat([Buffer.from(`${status} ${text.length} 0\n`), text]));
}
