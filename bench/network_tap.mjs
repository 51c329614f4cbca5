// Loaded before chromium_peer.mjs, which stays as it is: keeps what Chromium's pages capture and give out, so that
// network_peer can judge it as it judges Sotto's. usage: TAP=FOLDER node --import THIS chromium_peer.mjs ...
import { chromium } from 'playwright-core';
import fs from 'node:fs';

const folder = process.env.TAP;
const seconds = Number(process.argv[5]);
const kept = { pictures: [], said: [], heard: [] };

// In the page: two pictures a second, and all sound with the time at which it came.
const tap = receiving => {
  const base64 = async bytes => {
    const url = await new Promise(done => { const r = new FileReader(); r.onload = () => done(r.result); r.readAsDataURL(new Blob([bytes])); });
    return url.slice(url.indexOf(',') + 1);
  };
  const now = () => performance.timeOrigin + performance.now();
  const pictures = async track => {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (let last = 0; ;) {
      const { value: frame, done } = await reader.read();
      if (done) return;
      if (now() - last >= 500 && frame.format !== null) {
        last = now();
        const room = new Uint8Array(frame.allocationSize());
        const [luma] = await frame.copyTo(room);
        const { width, height } = frame.visibleRect, samples = new Uint8Array(width * height);
        for (let y = 0; y < height; ++y) samples.set(room.subarray(luma.offset + y * luma.stride, luma.offset + y * luma.stride + width), y * width);
        frame.close();
        keepPicture(last, width, height, await base64(samples));
      } else frame.close();
    }
  };
  const sound = async track => {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (let blocks = [], parts = [], size = 0; ;) {
      const { value: data, done } = await reader.read();
      if (done) return;
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      blocks.push([now(), data.sampleRate, samples.length]);
      const pcm = Int16Array.from(samples, s => Math.max(-32768, Math.min(32767, Math.round(s * 32768))));
      data.close();
      parts.push(pcm); size += pcm.length;
      if (blocks.length < 50) continue;
      const all = new Int16Array(size); let at = 0;
      for (const block of parts) { all.set(block, at); at += block.length; }
      keepSound(receiving, blocks, await base64(all));
      blocks = []; parts = []; size = 0;
    }
  };
  if (receiving) {
    const wait = setInterval(() => {
      const stream = document.getElementById('v')?.srcObject;
      if (!stream || stream.getTracks().length < 2) return;
      clearInterval(wait);
      pictures(stream.getVideoTracks()[0]); sound(stream.getAudioTracks()[0]);
    }, 100);
  } else {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async what => { const stream = await ask(what); sound(stream.getAudioTracks()[0]); return stream; };
  }
};

function keepSound(receiving, blocks, base64) {
  const pcm = Buffer.from(base64, 'base64'); let at = 0;
  for (const [time, rate, count] of blocks) {
    (receiving ? kept.heard : kept.said).push({ time, rate, pcm: pcm.subarray(at, at + count * 2) });
    at += count * 2;
  }
}

// Each side's sound on one time line, from `from` on, as 48 kHz samples. Blocks are laid out from the earliest that they
// can have begun: a page that is late does not delay what it was given. A microphone's block begins its length before it
// comes.
function timeLine(all, from, captured) {
  const blocks = all.filter(b => b.time >= from - 1000);  // what was lost before, in a page's start, shifts nothing
  if (!blocks.length) return Buffer.alloc(0);
  const rate = blocks[0].rate, pcm = Buffer.concat(blocks.map(b => b.pcm)), count = pcm.length / 2;
  let start = Infinity, before = 0;
  for (const { time, pcm } of blocks) {
    start = Math.min(start, time - (before + (captured ? pcm.length / 2 : 0)) / rate * 1e3);
    before += pcm.length / 2;
  }
  const first = (from - start) / 1e3 * rate, out = [];
  for (let place = first; place < count - 1; place = first + out.length * rate / 48000) {
    const low = Math.floor(place), sample = i => i < 0 ? 0 : pcm.readInt16LE(i * 2);
    out.push(Math.round(sample(low) + (sample(low + 1) - sample(low)) * (place - low)));
  }
  return Buffer.from(Int16Array.from(out).buffer);
}

function write() {
  const from = performance.timeOrigin + performance.now() - seconds * 1000;
  const pictures = kept.pictures.filter(p => p.time >= from).map(p => {
    const size = Buffer.alloc(8); size.writeUInt32LE(p.width, 0); size.writeUInt32LE(p.height, 4);
    return Buffer.concat([size, p.luma]);
  });
  fs.writeFileSync(`${folder}/pictures`, Buffer.concat(pictures));
  fs.writeFileSync(`${folder}/said`, timeLine(kept.said, from, true));
  fs.writeFileSync(`${folder}/heard`, timeLine(kept.heard, from, false));
}

const launch = chromium.launch.bind(chromium);
chromium.launch = async options => {
  const receiving = options.executablePath.endsWith('-cb.sh'), browser = await launch(options);
  const newContext = browser.newContext.bind(browser), close = browser.close.bind(browser);
  browser.newContext = async settings => {
    const context = await newContext(settings);
    await context.exposeFunction('keepPicture', (time, width, height, luma) => { kept.pictures.push({ time, width, height, luma: Buffer.from(luma, 'base64') }); });
    await context.exposeFunction('keepSound', keepSound);
    await context.addInitScript(tap, receiving);
    return context;
  };
  browser.close = async () => { if (!receiving) write(); await close(); };  // the sender's is closed first
  return browser;
};
