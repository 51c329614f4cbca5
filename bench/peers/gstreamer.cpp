#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <array>
#include <utility>

#include "bench/measure.h"
#include "bench/peers/media_chain.h"
#include "bench/scene.h"

namespace sotto::bench {
namespace {

struct Unref {
    void operator()(void* object) const { gst_object_unref(object); }
    void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
    void operator()(GstSample* sample) const { gst_sample_unref(sample); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;

constexpr const char* key = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20a0a1a2a3a4a5a6a7a8a9aaab";

// The encoder as codec/vp8_encoder.cpp sets it up, packets as large as ours, the same cipher. Nothing queues between
// the elements: each calls the next in one thread.
std::string whole_chain(const std::string& between) {
    return "appsrc name=in format=time caps=video/x-raw,format=I420,width=640,height=360,framerate=30/1 ! "
           "vp8enc name=encode deadline=1 cpu-used=-6 end-usage=cbr target-bitrate=800000 lag-in-frames=0 "
           "error-resilient=default "
           "min-quantizer=2 max-quantizer=60 keyframe-mode=disabled static-threshold=1 threads=1 ! " +
           between + " ! vp8dec name=decode ! appsink name=out sync=false";
}
std::string frame_chain(const std::string& between) {
    return "appsrc name=in format=time caps=video/x-vp8,width=640,height=360,framerate=30/1 ! " + between +
           " ! appsink name=out sync=false";
}
// `carrier`: elements between both ends.
std::string between_codecs(const std::string& carrier = "") {
    return "rtpvp8pay name=pay mtu=1214 picture-id-mode=15-bit ssrc=5 pt=96 ! srtpenc name=protect key=" +
           std::string(key) + " rtp-cipher=aes-256-gcm rtp-auth=null rtcp-cipher=aes-256-gcm rtcp-auth=null ! " +
           (carrier.empty() ? "srtpdec ! " : "queue ! srtpdec ! " + carrier + " ! ") + "rtpvp8depay name=depay";
}

// srtpenc hands a frame's packets on as one list, which no network does, and srtpdec 1.22 frees such a list twice.
GstPadProbeReturn one_by_one(GstPad* pad, GstPadProbeInfo* info, void*) {
    GstBufferList* const list = gst_buffer_list_make_writable(gst_pad_probe_info_get_buffer_list(info));
    GST_PAD_PROBE_INFO_DATA(info) = list;
    while (gst_buffer_list_length(list) > 0) {
        GstBuffer* const packet = gst_buffer_ref(gst_buffer_list_get(list, 0));
        gst_buffer_list_remove(list, 0, 1);
        gst_pad_push(pad, packet);
    }
    return GST_PAD_PROBE_DROP;
}

// What frames took from one probe to the other, in the streaming thread.
struct Watch {
    double entered = 0, total = 0;
    std::size_t frames = 0;
};
GstPadProbeReturn note_entering(GstPad*, GstPadProbeInfo*, void* watch) {
    static_cast<Watch*>(watch)->entered = processor_time();
    return GST_PAD_PROBE_OK;
}
GstPadProbeReturn note_leaving(GstPad*, GstPadProbeInfo*, void* out) {
    Watch& watch = *static_cast<Watch*>(out);
    watch.total += processor_time() - watch.entered - reading_cost();
    ++watch.frames;
    return GST_PAD_PROBE_OK;
}

class Pipeline {
  public:
    explicit Pipeline(Owned<GstElement> pipeline)
        : pipeline_(std::move(pipeline)), in_(named("in")), out_(named("out")) {
        probe("pay", "sink", GST_PAD_PROBE_TYPE_BUFFER, note_entering, &watch_);
        probe("protect", "rtp_src_0", GST_PAD_PROBE_TYPE_BUFFER_LIST, one_by_one, nullptr);
        probe("depay", "src", GST_PAD_PROBE_TYPE_BUFFER, note_leaving, &watch_);
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    }
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    ~Pipeline() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

    // From now on what passes in each codec element is seen, too.
    void watch_codecs() {
        for (const auto& [name, watch] : {std::pair{"encode", &encoding_}, std::pair{"decode", &decoding_}}) {
            probe(name, "sink", GST_PAD_PROBE_TYPE_BUFFER, note_entering, watch);
            probe(name, "src", GST_PAD_PROBE_TYPE_BUFFER, note_leaving, watch);
        }
    }
    // After pull(): of all frames so far.
    double in_codecs() const { return encoding_.total + decoding_.total; }

    // Takes the buffer.
    void push(GstBuffer* buffer) {
        GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(pushed_++, GST_SECOND, Scene::frame_rate);
        GST_BUFFER_DURATION(buffer) = GST_SECOND / Scene::frame_rate;
        require(gst_app_src_push_buffer(GST_APP_SRC(in_.get()), buffer) == GST_FLOW_OK, "GStreamer takes no frame");
    }
    // Waits for so many frames and gives what they took together.
    double pull(std::size_t frames) {
        for (std::size_t i = 0; i < frames; ++i) {
            const Owned<GstSample> shown(gst_app_sink_try_pull_sample(GST_APP_SINK(out_.get()), 10 * GST_SECOND));
            require(shown != nullptr, "GStreamer shows no frame");
        }
        // The sink's lock orders what the streaming thread wrote before this.
        pulled_ += frames;
        require(watch_.frames == pulled_, "GStreamer's frames were not seen one by one");
        return watch_.total - std::exchange(told_, watch_.total);
    }

  private:
    Owned<GstElement> named(const char* name) const {
        return Owned<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
    }
    void probe(const char* element, const char* pad, GstPadProbeType type, GstPadProbeCallback call, void* data) const {
        const Owned<GstPad> found(gst_element_get_static_pad(named(element).get(), pad));
        require(found != nullptr, "GStreamer's element has no such pad");
        gst_pad_add_probe(found.get(), type, call, data, nullptr);
    }

    Owned<GstElement> pipeline_, in_, out_;
    Watch watch_, encoding_, decoding_;
    std::uint64_t pushed_ = 0;
    std::size_t pulled_ = 0;
    double told_ = 0;
};

// Its planes side by side, as video/x-raw,format=I420 has them at this size.
GstBuffer* buffer_of(const VideoFrame& picture) {
    constexpr std::size_t size = Scene::width * Scene::height * 3 / 2;
    GstBuffer* const buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
    std::size_t at = 0;
    for (std::size_t i = 0; i < picture.planes.size(); ++i) {
        const std::size_t shrunk = i == 0 ? 1 : 2, width = Scene::width / shrunk, height = Scene::height / shrunk;
        for (std::size_t y = 0; y < height; ++y) {
            at += gst_buffer_fill(buffer, at, picture.planes[i].data + y * picture.planes[i].stride, width);
        }
    }
    require(at == size, "a picture of another size");
    return buffer;
}

class GstreamerChain final : public MediaChain {
  public:
    explicit GstreamerChain(Owned<GstElement> pipeline) : pipeline_(std::move(pipeline)) {}
    double pass(const VideoFrame& picture) override {
        pipeline_.push(buffer_of(picture));
        return pipeline_.pull(1);
    }

  private:
    Pipeline pipeline_;
};

class GstreamerThreads final : public MediaChain {
  public:
    explicit GstreamerThreads(Owned<GstElement> pipeline) : pipeline_(std::move(pipeline)) { pipeline_.watch_codecs(); }
    double pass(const VideoFrame& picture) override {
        GstBuffer* const buffer = buffer_of(picture);
        const double before = program_time(), codecs = pipeline_.in_codecs();
        pipeline_.push(buffer);
        pipeline_.pull(1);
        return program_time() - before - (pipeline_.in_codecs() - codecs);
    }

  private:
    Pipeline pipeline_;
};

class GstreamerFrames final : public FrameChain {
  public:
    explicit GstreamerFrames(Owned<GstElement> pipeline) : pipeline_(std::move(pipeline)) {}
    double pass(std::span<const Buffer> frames) override {
        for (const Buffer& frame : frames) {
            GstBuffer* const buffer = gst_buffer_new_allocate(nullptr, frame.size(), nullptr);
            gst_buffer_fill(buffer, 0, frame.data(), frame.size());
            pipeline_.push(buffer);
        }
        return pipeline_.pull(frames.size());
    }

  private:
    Pipeline pipeline_;
};

std::expected<Owned<GstElement>, std::string> launch(const std::string& description) {
    GError* error = nullptr;
    Owned<GstElement> pipeline(gst_parse_launch(description.c_str(), &error));
    if (error == nullptr) return pipeline;
    const std::string said = error->message;
    g_error_free(error);
    return std::unexpected("GStreamer: " + said);
}

}  // namespace

std::expected<Gstreamer, std::string> open_gstreamer() {
    if (gst_init_check(nullptr, nullptr, nullptr) == 0) return std::unexpected("GStreamer: does not start");
    for (const char* const name :
         {"vp8enc", "rtpvp8pay", "srtpenc", "srtpdec", "rtpjitterbuffer", "rtpvp8depay", "vp8dec"}) {
        const Owned<GstElementFactory> factory(gst_element_factory_find(name));
        if (!factory) return std::unexpected("GStreamer: its element " + std::string(name) + " is not installed");
    }
    auto whole = launch(whole_chain(between_codecs()));
    if (!whole) return std::unexpected(whole.error());
    auto threaded = launch(whole_chain(between_codecs("rtpjitterbuffer latency=0")));
    if (!threaded) return std::unexpected(threaded.error());
    auto between = launch(frame_chain(between_codecs()));
    if (!between) return std::unexpected(between.error());
    std::array<unsigned, 4> version{};
    gst_version(&version[0], &version[1], &version[2], &version[3]);
    return Gstreamer{
        .whole = std::make_unique<GstreamerChain>(std::move(*whole)),
        .threaded = std::make_unique<GstreamerThreads>(std::move(*threaded)),
        .between = std::make_unique<GstreamerFrames>(std::move(*between)),
        .version = std::to_string(version[0]) + "." + std::to_string(version[1]) + "." + std::to_string(version[2])};
}

}  // namespace sotto::bench
