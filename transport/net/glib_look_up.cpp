#include "transport/net/glib_look_up.h"

#include <gio/gio.h>

#include <memory>
#include <utility>

namespace sotto::transport::net {

// GLib's until it has called back, which it does after it was cancelled, too.
struct GlibLookUp::UnderWay {
    GlibLookUp* owner;
    GCancellable* cancellable;
    int& alive;
    Found found;

    static void done(GObject* resolver, GAsyncResult* result, gpointer data) {
        const std::unique_ptr<UnderWay> self(static_cast<UnderWay*>(data));
        GList* const list = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, nullptr);
        std::vector<std::string> addresses;
        for (const GList* item = list; item != nullptr; item = item->next) {
            gchar* const text = g_inet_address_to_string(G_INET_ADDRESS(item->data));
            addresses.emplace_back(text);
            g_free(text);
        }
        g_resolver_free_addresses(list);
        g_object_unref(self->cancellable);
        --self->alive;
        if (self->owner == nullptr) return;
        self->owner->under_way_ = nullptr;
        self->found(addresses);
    }
};

GlibLookUp::GlibLookUp(const std::string& name, _GMainContext* context, int& alive, Found found)
    : under_way_(new UnderWay{this, g_cancellable_new(), alive, std::move(found)}) {
    ++alive;
    GResolver* const resolver = g_resolver_get_default();
    g_main_context_push_thread_default(context);  // where it calls back
    g_resolver_lookup_by_name_async(resolver, name.c_str(), under_way_->cancellable, UnderWay::done, under_way_);
    g_main_context_pop_thread_default(context);
    g_object_unref(resolver);
}

GlibLookUp::~GlibLookUp() {
    if (under_way_ == nullptr) return;
    under_way_->owner = nullptr;
    g_cancellable_cancel(under_way_->cancellable);
}

}  // namespace sotto::transport::net
