package alert
import ("testing";"os";"path/filepath";"fmt";"time";"encoding/json")
func TestZZ(t *testing.T){
 fs,_:=filepath.Glob("/work/shared/samples/*/*")
 for _,f:=range fs{
  if filepath.Base(f)=="dcid-integratord.txt"||filepath.Base(f)=="wazuh-4.14.7-integratord.txt"{continue}
  h,_:=os.Open(f)
  n:=0
  for a,err:=range Read(h,Options{FileName:filepath.Base(f),Location:time.UTC}){
   n++
   if err!=nil{t.Fatal(err)}
   if n>1 {continue}
   b:=*a; b.Raw=nil;b.Original=nil
   j,_:=json.Marshal(b)
   fmt.Println(filepath.Base(f),a.Identity(),a.Time,string(j))
  }
  fmt.Println("   count",n)
 }
}
